"""Our words for the registry's codes, dates and numbers. A code that we do not know reads as it is written."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from notifier.digests.text import clean
from notifier.languages.language import Language

WORDS: dict[str, Any] = tomllib.loads((files("notifier.digests") / "words.toml").read_text("utf-8"))
TOPICS: tuple[str, ...] = tuple(WORDS["topics"])

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_AGE = re.compile(rf"(\d{{1,3}}) ({'|'.join(WORDS['ages'])})s?", re.IGNORECASE)


def counted(words: Mapping[str, str], count: int, language: Language, /, **values: object) -> str:
    """A table of `one` and `many`."""
    return language.ngettext(words["one"], words["many"], count, **values)


def code_words(table: Mapping[str, str], code: object, language: Language) -> str:
    """Our words for `code`, else the code itself as words: `ON_THE_SHELF` becomes `On the shelf`."""
    text = clean(code, 60)
    if words := table.get(text):
        return language.gettext(words)
    return text.replace("_", " ").capitalize() or language.gettext(WORDS["not_given"])


def status_words(code: object, language: Language) -> str:
    return _status(code, "words", language)


def status_state(code: object, language: Language) -> str:
    """A status in a word or two, for a line of titles."""
    return _status(code, "state", language)


def _status(code: object, form: str, language: Language) -> str:
    known = WORDS["statuses"].get(code) if isinstance(code, str) else None
    return language.gettext(known[form]) if known else code_words({}, code, language)


@lru_cache(maxsize=256)
def _phase_words(codes: tuple[str, ...], language: Language) -> str:
    if together := WORDS["phases"].get(" ".join(codes)):
        return language.gettext(together)
    return language.series([code_words(WORDS["phases"], code, language) for code in codes])


def phase_words(codes: Sequence[object], language: Language) -> str:
    return _phase_words(tuple(clean(code, 60) for code in codes), language)


def date_words(text: str, language: Language) -> str:
    """`2026-11-20`, `2026-11` and `2026` in words; anything else as it stands."""
    words = language.date(text)
    return clean(text, 60) if words == text else words


def people_words(count: object, language: Language) -> str:
    if not isinstance(count, int):
        return clean(count, 60)
    return language.ngettext("%(num)s person", "%(num)s people", count)


def age_words(text: object, language: Language) -> str:
    """`18 Years` and the like."""
    age = clean(text, 60)
    if match := _AGE.fullmatch(age):
        return counted(WORDS["ages"][match[2].lower()], int(match[1]), language)
    return age.lower()


def with_certainty(value: str, kind: object, language: Language) -> str:
    """The registry tells what is expected from what has come to pass."""
    words = {"ESTIMATED": WORDS["expected"], "ACTUAL": WORDS["confirmed"]}.get(str(kind))
    return language.gettext(words, value=value) if words else value


def field_words(field: str) -> dict[str, Any]:
    known: dict[str, Any] | None = WORDS["fields"].get(field)
    return known or {"label": _CAMEL.sub(" ", clean(field, 60)).lower(), **WORDS["other"]}
