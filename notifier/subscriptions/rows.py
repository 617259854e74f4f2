"""One line of a subscribers file, checked field by field."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from notifier.conditions.normal_form import BadCondition, clean_condition
from notifier.errors import NotifierError
from notifier.links.addresses import BadAddress, clean_address
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.subscriptions.schedules import FREQUENCIES, known_zones

COLUMNS = ("email", "study", "condition", "frequency", "timezone", "confirmed_at")


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
    """Each line of the file. Raises NotifierError where the file as a whole cannot be read."""
    try:
        with path.open(encoding="utf-8-sig", errors="strict", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_header(path, reader.fieldnames)
            yield from _read_lines(reader, now)
    except OSError as error:
        raise NotifierError(
            f"{path}: cannot be read ({error.strerror}).", "Check the path and its permissions."
        ) from None
    except UnicodeDecodeError as error:
        raise NotifierError(
            f"{path}: is not UTF-8 (byte {error.start}).", "Save the file as UTF-8."
        ) from None
    except csv.Error as error:
        raise NotifierError(
            f"{path}: line {reader.line_num}: {error}.", "Mend the quotes of that line."
        ) from None


def _check_header(path: Path, names: object) -> None:
    missing = [name for name in COLUMNS if name not in (names or ())]  # type: ignore[operator]
    if missing:
        raise NotifierError(
            f"{path}: line 1: no column {', '.join(missing)}.", f"The first line must be {','.join(COLUMNS)}."
        )


def _read_lines(reader: "csv.DictReader[str]", now: datetime) -> Iterator[Consent | Rejected]:
    latest = now + timedelta(days=1)  # clocks and zones differ; the day after tomorrow is a mistake
    while True:
        line = reader.line_num + 1
        row = next(reader, None)
        if row is None:
            return
        try:
            yield _consent(line, row, latest)
        except _Bad as bad:
            yield Rejected(line, bad.field, bad.reason)


def _consent(line: int, row: dict[str, str], latest: datetime) -> Consent:
    if None in row or None in row.values():
        raise _Bad("line", f"has not the {len(COLUMNS)} fields of the first line")
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
    if moment > latest:
        raise _Bad("confirmed_at", "lies in the future")
    return moment
