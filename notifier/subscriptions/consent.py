"""The words that people agree to: one file for each locale, each text with its version."""

import tomllib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from notifier.settings import Settings

LOCALES = ("en",)


@dataclass(frozen=True, slots=True)
class Words:
    """`link` is the part of `text` that leads to `url`. The hash is of the text and the address it leads to."""

    version: str
    text: str
    link: str
    url: str

    @property
    def hash(self) -> bytes:
        return sha256(self.text.replace(self.link, f"{self.link} ({self.url})", 1).encode()).digest()


@dataclass(frozen=True, slots=True)
class ConsentWords:
    """`locale` is that of the words, which may be another one than was asked for."""

    locale: str
    terms: Words
    health: Words
    safety: str


def consent_words(settings: Settings, locale: str) -> ConsentWords:
    known = locale if locale in LOCALES else LOCALES[0]
    said = _read(known)
    return ConsentWords(
        locale=known,
        terms=Words(url=settings.terms_url, **said["terms"]),
        health=Words(url=settings.privacy_url, **said["health"]),
        safety=said["safety"],
    )


@cache
def _read(locale: str) -> dict[str, Any]:
    path = files("notifier.subscriptions") / f"consent.{locale}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8"))
