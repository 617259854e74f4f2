"""Our words for the registry's codes, dates and numbers. A code that we do not know reads as it is written."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from notifier.digests.text import clean

WORDS: dict[str, Any] = tomllib.loads((files("notifier.digests") / "words.toml").read_text("utf-8"))
TOPICS: tuple[str, ...] = tuple(WORDS["topics"])

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")


def code_words(table: Mapping[str, str], code: object) -> str:
    """Our words for `code`, else the code itself as words: `ON_THE_SHELF` becomes `On the shelf`."""
    text = clean(code, 60)
    return table.get(text) or text.replace("_", " ").capitalize() or str(WORDS["not_given"])


def status_words(code: object) -> str:
    return _status(code, "words")


def status_state(code: object) -> str:
    """A status in a word or two, for a line of titles."""
    return _status(code, "state")


def _status(code: object, form: str) -> str:
    known = WORDS["statuses"].get(code) if isinstance(code, str) else None
    return str(known[form]) if known else code_words({}, code)


@lru_cache(maxsize=256)
def _phase_words(codes: tuple[str, ...]) -> str:
    together = WORDS["phases"].get(" ".join(codes))
    return together or ", ".join(code_words(WORDS["phases"], code) for code in codes)


def phase_words(codes: Sequence[object]) -> str:
    return _phase_words(tuple(clean(code, 60) for code in codes))


@lru_cache(maxsize=4096)
def date_words(text: str) -> str:
    """`2026-11-20`, `2026-11` and `2026` in words; anything else as it stands."""
    match = _PARTIAL_DATE.fullmatch(text)
    if not match or not 1 <= int(match[2] or 1) <= 12:
        return clean(text, 60)
    month = f"{WORDS['months'][int(match[2]) - 1]} " if match[2] else ""
    day = f"{int(match[3])} " if match[3] else ""
    return f"{day}{month}{match[1]}"


def people_words(count: object) -> str:
    if not isinstance(count, int):
        return clean(count, 60)
    return "1 person" if count == 1 else f"{count:,} people"


def certainty(kind: object) -> str:
    """The registry tells what is expected from what has come to pass."""
    return {"ESTIMATED": f" ({WORDS['expected']})", "ACTUAL": f" ({WORDS['confirmed']})"}.get(str(kind), "")


def field_words(field: str) -> dict[str, Any]:
    known: dict[str, Any] | None = WORDS["fields"].get(field)
    return known or {"label": _CAMEL.sub(" ", clean(field, 60)).capitalize(), **WORDS["other"]}
