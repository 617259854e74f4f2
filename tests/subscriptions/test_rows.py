"""One bad line of a subscribers file costs that line only, and is named."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from notifier.errors import NotifierError
from notifier.subscriptions.rows import Consent, Rejected, read_consents

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
HEADER = b"email,study,condition,frequency,timezone,confirmed_at"
GOOD = b"anna@example.org,,Asthma,daily,UTC,2026-11-01"


def read(folder: Path, *lines: bytes, header: bytes = HEADER) -> list[Consent | Rejected]:
    path = folder / "people.csv"
    path.write_bytes(b"\n".join((header, *lines)) + b"\n")
    return list(read_consents(path, NOW))


@pytest.mark.parametrize(
    ("line", "field", "reason"),
    [
        (GOOD.replace(b"Asthma", b"Caf\xe9"), "condition", "is not UTF-8"),
        (GOOD.replace(b"Asthma", b"\xed\xb3\xbf"), "condition", "is not UTF-8"),
        (b'"' + GOOD, "line", "stray quotation mark"),
        (GOOD.replace(b"Asthma", b'"Asthma'), "line", "stray quotation mark"),
        (GOOD.replace(b"Asthma", b'"Asthma" severe'), "line", "stray quotation mark"),
        (GOOD.replace(b"Asthma", b"a" * 200_000), "condition", "is longer than 10,000 characters"),
        (GOOD + b",more", "line", "has 7 fields, the first line has 6"),
        (GOOD.replace(b"2026", b"1999"), "confirmed_at", "lies before the year 2000"),
        (GOOD.replace(b"2026-11-01", b"0001-01-01T00:00+14:00"), "confirmed_at", "before the year 2000"),
    ],
)
def test_a_bad_line_is_rejected_alone_with_its_number(tmp_path, line, field, reason):
    before, bad, *after = read(tmp_path, GOOD, line, *[GOOD] * 150)
    assert isinstance(bad, Rejected)
    assert (bad.line, bad.field) == (3, field)
    assert reason in bad.reason
    assert isinstance(before, Consent)
    assert [(type(good), good.line) for good in after] == [(Consent, number) for number in range(4, 154)]


def test_a_stray_quote_at_the_end_of_the_file_costs_one_line(tmp_path):
    lines = read(tmp_path, b'"' + GOOD, GOOD, b'"' + GOOD)
    assert [(type(line), line.line) for line in lines] == [(Rejected, 2), (Consent, 3), (Rejected, 4)]


def test_two_stray_quotes_do_not_hide_the_people_between_them(tmp_path):
    opens, closes = GOOD.replace(b"Asthma", b'"Asthma'), GOOD.replace(b"Asthma", b'Asthma"')
    first, between, _ = read(tmp_path, opens, GOOD, closes)
    assert (type(first), type(between), between.line) == (Rejected, Consent, 3)


def test_many_stray_quotes_are_each_named(tmp_path):
    lines = read(tmp_path, *[b'"' + GOOD] * 3000)
    assert [line.line for line in lines if isinstance(line, Rejected)] == list(range(2, 3002))


def test_a_record_is_counted_from_its_first_line(tmp_path):
    note = GOOD + b',"two\nlines"'
    lines = read(tmp_path, b"", note, b"", b"nobody", note, header=HEADER + b",note")
    assert [(type(line), line.line) for line in lines] == [(Consent, 3), (Rejected, 6), (Consent, 7)]


@pytest.mark.parametrize("header", [HEADER.decode().encode("utf-16"), HEADER + b",\xe9"])
def test_a_file_in_another_encoding_is_refused_as_a_whole(tmp_path, header):
    with pytest.raises(NotifierError, match="Save the file as UTF-8"):
        read(tmp_path, GOOD, header=header)
