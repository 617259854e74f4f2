"""Jinja templates that speak a language."""

from collections.abc import Iterator

from jinja2 import Environment, pass_eval_context
from jinja2.ext import Extension, InternationalizationExtension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from notifier.languages.language import Language

_CALLS = (("lparen", "string", "rparen"), ("lparen", "string", "comma"))


class _WordsOnce(Extension):
    """Messages are looked up once, when a template is read: `_("...")` becomes the translation itself, and
    `_("...", name=value)` a filter on it. Looked up with each mail or page, a message takes ten times as long.
    """

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        tokens = list(stream)
        place = 0
        while place < len(tokens):
            token, *call = tokens[place : place + 4]
            if token.test("name:_") and tuple(part.type for part in call) in _CALLS:
                yield from self._message(token.lineno, call[1].value, call[2])
                place += 4
            else:
                yield token
                place += 1

    def _message(self, line: int, message: str, behind: Token) -> Iterator[Token]:
        language: Language = self.environment.words  # type: ignore[attr-defined]
        yield Token(line, "string", language.gettext(message))
        yield Token(line, "pipe", "|")
        yield Token(line, "name", "filled")
        if behind.type == "comma":
            yield Token(line, "lparen", "(")


@pass_eval_context
def _filled(context: EvalContext, message: str, /, **values: object) -> str:
    """With autoescape the message is markup, and the values are not."""
    if not context.autoescape:
        return message % values
    return Markup(message % {name: escape(value) for name, value in values.items()})  # noqa: S704


def speak(environment: Environment, language: Language) -> Environment:
    """`_`, `ngettext`, `pgettext` and `{% trans %}`, and the filters `number` and `date`."""
    environment.policies["ext.i18n.trimmed"] = True
    environment.extend(words=language)
    environment.add_extension(InternationalizationExtension)
    environment.add_extension(_WordsOnce)
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(filled=_filled, number=language.number, date=language.date)
    return environment
