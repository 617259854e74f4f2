"""The words that people agree to, each text with its version, in the language they read it in."""

import tomllib
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files

from notifier.languages.catalogue import ENGLISH, language_of
from notifier.languages.language import Language
from notifier.settings import Settings

_SAID = tomllib.loads((files("notifier.subscriptions") / "consent.toml").read_text(encoding="utf-8"))
_LINK = "\0"


@dataclass(frozen=True, slots=True)
class Words:
    """`link` leads to `url`; the others stand before and behind it. The hash is of the text as it is shown, and of
    the address it leads to. A translation has a version of its own, as it may change while the English stands."""

    version: str
    before: str
    link: str
    rest: str
    url: str

    @property
    def text(self) -> str:
        return self.before + self.link + self.rest

    @property
    def hash(self) -> bytes:
        return sha256(f"{self.before}{self.link} ({self.url}){self.rest}".encode()).digest()


@dataclass(frozen=True, slots=True)
class ConsentWords:
    """`locale` is that of the words, which may be another one than was asked for."""

    locale: str
    terms: Words
    health: Words
    safety: str


def consent_words(settings: Settings, language: Language) -> ConsentWords:
    return _words(settings.terms_url, settings.privacy_url, language)


@lru_cache(64)
def _words(terms_url: str, privacy_url: str, language: Language) -> ConsentWords:
    return ConsentWords(
        locale=language.locale,
        terms=_text("terms", terms_url, language),
        health=_text("health", privacy_url, language),
        safety=language.gettext(_SAID["safety"]),
    )


def _text(name: str, url: str, language: Language) -> Words:
    said = _SAID[name]
    before, link, rest = language.gettext(said["text"], link=_LINK).partition(_LINK)
    if not link:  # a translation without its link: nobody could read what they agree to
        return _text(name, url, language_of(ENGLISH))
    words = Words(said["version"], before, language.gettext(said["link"]), rest, url)
    if words.text == said["text"] % {"link": said["link"]}:
        return words
    mark = sha256(words.text.encode()).hexdigest()[:8]
    return replace(words, version=f"{words.version}-{language.locale}-{mark}")
