"""Reading fields out of JSON of any shape: the right kind of value, nothing, or BadRecord that names the field."""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any

from notifier.registry.records import BadRecord
from notifier.registry.text import tidy, tidy_lines

MAX_COUNT = 2**53  # beyond it JSON numbers are not exact
REMEMBERED = 2**16  # texts
SHORT = 100  # characters; shorter texts (cities, hospitals, statuses) recur all over the registry
_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?", re.ASCII)


class Fields:
    """One JSON object, and the path to it."""

    __slots__ = ("_data", "_key", "_parent")

    def __init__(self, data: object, key: str = "", parent: "Fields | None" = None) -> None:
        self._key = key
        self._parent = parent
        if not isinstance(data, dict):
            raise BadRecord(f"{self.path() or 'the record'} is {_kind(data)}; it should be an object")
        self._data: dict[str, Any] = data

    def path(self, key: str = "") -> str:
        """`protocolSection.statusModule.startDateStruct`, for people."""
        above = self._parent.path() if self._parent else ""
        return ".".join(part for part in (above, self._key, key) if part)

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def is_given(self, key: str) -> bool:
        return bool(self._data.get(key))

    def part(self, key: str) -> "Fields":
        """The object under `key`; where it is not given, an empty one."""
        value = self._data.get(key)
        return Fields({} if value is None else value, key, self)

    def parts(self, key: str) -> Iterator["Fields"]:
        return (Fields(item, f"{key}[{number}]", self) for number, item in enumerate(self._list(key)))

    def rows(self, key: str, names: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The named texts of each object in a list, "" where not given. The fast way for long lists."""
        found = self._list(key)
        try:
            return [tuple([_TIDIED[item.get(name)] for name in names]) for item in found]
        except (AttributeError, TypeError):  # not an object, or not text: the slow way says which
            return [tuple([item.text(name) or "" for name in names]) for item in self.parts(key)]

    def text(self, key: str) -> str | None:
        value = self._data.get(key)
        if value is not None and not isinstance(value, str):
            raise self._bad(key, value, "text")
        return _TIDIED[value] or None

    def lines(self, key: str) -> str | None:
        value = self._data.get(key)
        if isinstance(value, str):
            return tidy_lines(value) or None
        return self.text(key)

    def texts(self, key: str) -> list[str]:
        found = self._list(key)
        for item in found:
            if not isinstance(item, str):
                raise self._bad(key, item, "a list of texts", "holds")
        return [text for text in map(_TIDIED.__getitem__, found) if text]

    def flag(self, key: str) -> bool | None:
        value = self._data.get(key)
        if value is None or isinstance(value, bool):
            return value
        raise self._bad(key, value, "true or false")

    def count(self, key: str) -> int | None:
        value = self._data.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_COUNT:
            raise self._bad(key, value, "a whole number")
        return value

    def date_text(self, key: str) -> str | None:
        """YYYY, YYYY-MM or YYYY-MM-DD, as given."""
        value = self.text(key)
        if value is not None and first_day(value) is None:
            raise BadRecord(
                f"{self.path(key)} is {value[:40]!r}; a date looks like 2024-02-21, 2024-02 or 2024"
            )
        return value

    def _list(self, key: str) -> list[Any]:
        value = self._data.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._bad(key, value, "a list")
        return value

    def _bad(self, key: str, value: object, wanted: str, verb: str = "is") -> BadRecord:
        return BadRecord(f"{self.path(key)} {verb} {_kind(value)}; it should be {wanted}")


class _Tidied(dict[str | None, str]):
    """`tidy`, remembering short texts. "" for None; TypeError for what is no text."""

    def __missing__(self, text: str | None) -> str:
        if text is None:  # what is not given is the most frequent of all
            self[None] = ""
            return ""
        if not isinstance(text, str):
            raise TypeError
        tidied = tidy(text)
        if len(text) < SHORT:
            if len(self) >= REMEMBERED:
                self.clear()
            self[text] = tidied
        return tidied


_TIDIED = _Tidied()


@lru_cache(maxsize=2**14)
def first_day(text: str) -> date | None:
    """The day, or the first one of the month or year. None where it is no date."""
    match = _DATE.fullmatch(text)
    if not match:
        return None
    year, month, day = match.groups()
    try:
        return date(int(year), int(month or 1), int(day or 1))
    except ValueError:
        return None


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "true or false"
    names = {dict: "an object", list: "a list", str: "text", int: "a number", float: "a number"}
    return names.get(type(value), "null")
