"""Jinja templates that speak a language."""

from collections.abc import Iterator

from jinja2 import Environment
from jinja2.ext import Extension, InternationalizationExtension
from jinja2.lexer import Token, TokenStream

from notifier.languages.language import Language


class _FixedWords(Extension):
    """`_("...")` with no values is looked up once, when the template is read, and not with each mail or page."""

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        tokens = list(stream)
        place = 0
        while place < len(tokens):
            token, *call = tokens[place : place + 4]
            if token.test("name:_") and [part.type for part in call] == ["lparen", "string", "rparen"]:
                yield Token(token.lineno, "string", self._fixed(call[1].value))
                place += 4
            else:
                yield token
                place += 1

    def _fixed(self, message: str) -> str:
        words: Language = self.environment.words  # type: ignore[attr-defined]
        return words.gettext(message) % {}


def speak(environment: Environment, language: Language) -> Environment:
    """`_`, `ngettext`, `pgettext` and `{% trans %}`, the filters `number` and `date`, and the global `language`."""
    environment.policies["ext.i18n.trimmed"] = True
    environment.extend(words=language)
    environment.add_extension(InternationalizationExtension)
    environment.add_extension(_FixedWords)
    environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
    environment.filters.update(number=language.number, date=language.date)
    environment.globals.update(language=language)
    return environment
