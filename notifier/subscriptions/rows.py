"""One line of a subscribers file, checked field by field."""

import csv
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from pathlib import Path

from notifier.conditions.normal_form import BadCondition, clean_condition
from notifier.errors import NotifierError
from notifier.links.addresses import BadAddress, clean_address
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.subscriptions.schedules import FREQUENCIES, known_zones

COLUMNS = ("email", "study", "condition", "frequency", "timezone", "confirmed_at")
MAX_FIELD_CHARS = 10_000
MAX_RECORD_LINES = 100  # a field in quotes may hold line breaks; beyond this its quote is a stray one
FIRST_YEAR = 2000
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
csv.field_size_limit(2**31 - 1)  # a longer field is named and refused below, with its record only


@dataclass(frozen=True, slots=True)
class Rejected:
    line: int
    field: str
    reason: str


@dataclass(frozen=True, slots=True)
class Consent:
    """A person's wish as one line gives it. At least one of study and condition is there."""

    line: int
    email: str
    study: str | None
    condition: str | None  # as written; its normal form is the key
    frequency: str | None
    zone: str | None
    confirmed_at: datetime


class _Bad(Exception):
    def __init__(self, field: str, reason: str) -> None:
        self.field, self.reason = field, reason


def read_consents(path: Path, now: datetime) -> Iterator[Consent | Rejected]:
    """Each record of the file. Raises NotifierError where the file as a whole cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            records = _records(file)
            names = _header(path, next(records, None))
            yield from _read_records(records, names, now)
    except OSError as error:
        raise NotifierError(
            f"{path}: cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from None


def _records(lines: Iterator[str]) -> Iterator[tuple[int, list[str] | None]]:
    """The fields of each record and the number of its first line; None where its quotes are wrong.

    A stray quote would swallow the lines after it: only its own line is lost, the others are read again.
    """
    number, again = 1, deque[str]()
    while first := again.popleft() if again else next(lines, ""):
        taken = [first]
        fields = _fields(first, again, lines, taken)
        if fields is None:
            again.extendleft(reversed(taken[1:]))
            del taken[1:]
        if fields != []:  # an empty line
            yield number, fields
        number += len(taken)


def _fields(first: str, again: deque[str], lines: Iterator[str], taken: list[str]) -> list[str] | None:
    """Reads on while a quote is open, and notes in `taken` what was read."""

    def rest() -> Iterator[str]:
        while len(taken) < MAX_RECORD_LINES and (line := again.popleft() if again else next(lines, "")):
            taken.append(line)
            yield line

    try:
        fields = next(csv.reader(chain((first,), rest()), strict=True))
    except csv.Error:
        return None
    swallowed = len(taken) > 1 and any("@" in field and len(field.splitlines()) > 1 for field in fields)
    return None if swallowed else fields  # two stray quotes, and the people between them


def _header(path: Path, record: tuple[int, list[str] | None] | None) -> list[str]:
    names = (record and record[1]) or []
    if any(_NOT_UTF8.search(name) or "\0" in name for name in names):
        raise NotifierError(f"{path}: line 1: is not UTF-8.", "Save the file as UTF-8.")
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise NotifierError(
            f"{path}: line 1: no column {', '.join(missing)}.", f"The first line must be {','.join(COLUMNS)}."
        )
    return names


def _read_records(
    records: Iterator[tuple[int, list[str] | None]], names: list[str], now: datetime
) -> Iterator[Consent | Rejected]:
    latest = now + timedelta(days=1)  # clocks and zones differ; the day after tomorrow is a mistake
    for line, fields in records:
        try:
            yield _consent(line, _row(names, fields), latest)
        except _Bad as bad:
            yield Rejected(line, bad.field, bad.reason)


def _row(names: list[str], fields: list[str] | None) -> dict[str, str]:
    if fields is None:
        raise _Bad("line", "has a stray quotation mark; write it twice, or take it out")
    if len(fields) != len(names):
        raise _Bad("line", f"has {len(fields)} fields, the first line has {len(names)}")
    row = dict(zip(names, fields, strict=True))
    for name, value in row.items():
        if len(value) > MAX_FIELD_CHARS:
            raise _Bad(name, f"is longer than {MAX_FIELD_CHARS:,} characters")
        if not value.isascii() and _NOT_UTF8.search(value):
            raise _Bad(name, "is not UTF-8; save the file as UTF-8")
    return row


def _consent(line: int, row: dict[str, str], latest: datetime) -> Consent:
    study = _study(row["study"].strip())
    condition = _condition(row["condition"].strip())
    if study is None and condition is None:
        raise _Bad("study", "neither a study nor a condition is given; give at least one")
    return Consent(
        line=line,
        email=_email(row["email"]),
        study=study,
        condition=condition,
        frequency=_frequency(row["frequency"].strip().lower()),
        zone=_zone(row["timezone"].strip()),
        confirmed_at=_confirmed_at(row["confirmed_at"].strip(), latest),
    )


def _email(value: str) -> str:
    try:
        return clean_address(value.strip(" \t"))
    except BadAddress as error:
        raise _Bad("email", str(error)) from None


def _study(value: str) -> str | None:
    if not value:
        return None
    try:
        return clean_nct_id(value)
    except BadRecord:
        raise _Bad("study", "is not an NCT id; it looks like NCT01234567") from None


@lru_cache(maxsize=50_000)
def _condition(value: str) -> str | None:
    if not value:
        return None
    try:
        return clean_condition(value)
    except BadCondition as error:
        raise _Bad("condition", str(error)) from None


def _frequency(value: str) -> str | None:
    if value and value not in FREQUENCIES:
        raise _Bad("frequency", f"must be one of {', '.join(FREQUENCIES)}")
    return value or None


def _zone(value: str) -> str | None:
    if value and value not in known_zones():
        raise _Bad("timezone", "is not a known zone; it looks like Europe/Berlin")
    return value or None


@lru_cache(maxsize=10_000)
def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _confirmed_at(value: str, latest: datetime) -> datetime:
    if not value:
        raise _Bad("confirmed_at", "is empty; only people who have agreed can be added, so say when they did")
    try:
        moment = _moment(value)
    except ValueError:
        raise _Bad(
            "confirmed_at", "is not a date; it looks like 2026-02-21 or 2026-02-21T09:30:00Z"
        ) from None
    if moment.year < FIRST_YEAR:
        raise _Bad("confirmed_at", f"lies before the year {FIRST_YEAR}; write the day on which they agreed")
    if moment > latest:
        raise _Bad("confirmed_at", "lies in the future")
    return moment
