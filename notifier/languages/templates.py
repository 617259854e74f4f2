"""Jinja templates that speak a language."""

from collections.abc import Iterator
from functools import lru_cache

from jinja2 import Environment, TemplateRuntimeError, TemplateSyntaxError, pass_eval_context
from jinja2.ext import Extension, InternationalizationExtension
from jinja2.lexer import Token, TokenStream
from jinja2.nodes import EvalContext
from markupsafe import Markup, escape

from notifier.languages.language import KEPT, Language

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
        words = language.gettext(message)
        if behind.type == "comma":
            yield Token(line, "string", words)
            yield from (Token(line, "pipe", "|"), Token(line, "name", "filled"), Token(line, "lparen", "("))
        else:
            yield Token(line, "string", _whole(words, line))


def _whole(words: str, line: int) -> str:
    try:
        return words % {}
    except KeyError as value:
        raise TemplateSyntaxError(f"the message {words!r} lacks {value}", line) from None


@pass_eval_context
def _filled(context: EvalContext, message: str, /, **values: object) -> str:
    """A message is plain text, as it serves text parts too: markup comes in by values. None is a mistake."""
    if None in values.values():
        raise TemplateRuntimeError("a value is None")
    if not context.autoescape:
        return message % values
    for name, value in values.items():
        if type(value) is not Markup:
            values[name] = escape(value)
    return Markup(_escaped(message) % values)  # noqa: S704


@lru_cache(KEPT)
def _escaped(message: str) -> str:
    return str(escape(message))


def speak(environment: Environment, language: Language) -> Environment:
    """`_`, `ngettext`, `pgettext` and `{% trans %}`, and the filters `number` and `date`."""
    environment.policies["ext.i18n.trimmed"] = True
    environment.extend(words=language)
    environment.add_extension(InternationalizationExtension)
    environment.add_extension(_WordsOnce)
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(filled=_filled, number=language.number, date=language.date)
    return environment
