"""Digests come at the reader's own hour, also on the days when clocks change."""

from datetime import UTC, date, datetime

import pytest

from notifier.subscriptions.schedules import Rhythm

BERLIN = "Europe/Berlin"


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rhythm", "after", "expected"),
    [
        (Rhythm("daily", BERLIN, 8), utc(2026, 11, 22, 6, 59), utc(2026, 11, 22, 7)),
        (Rhythm("daily", BERLIN, 8), utc(2026, 11, 22, 7), utc(2026, 11, 23, 7)),
        # the night of 28 to 29 March 2026 is an hour shorter, that of 24 to 25 October an hour longer
        (Rhythm("daily", BERLIN, 8), utc(2026, 3, 28, 7), utc(2026, 3, 29, 6)),
        (Rhythm("daily", BERLIN, 8), utc(2026, 10, 24, 6), utc(2026, 10, 25, 7)),
        (Rhythm("daily", "Pacific/Auckland", 8), utc(2026, 11, 22, 12), utc(2026, 11, 22, 19)),
        (Rhythm("weekly", BERLIN, 8, 1), utc(2026, 11, 22, 12), utc(2026, 11, 23, 7)),
        (Rhythm("weekly", BERLIN, 8, 7), utc(2026, 11, 22, 12), utc(2026, 11, 29, 7)),
        # 02:00 does not exist on 29 March; it is taken an hour later
        (Rhythm("daily", BERLIN, 2), utc(2026, 3, 28, 12), utc(2026, 3, 29, 1)),
    ],
)
def test_the_next_digest_is_at_the_local_hour(rhythm: Rhythm, after: datetime, expected: datetime) -> None:
    assert rhythm.next_due(after) == expected


@pytest.mark.parametrize(
    "zone", [BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Cairo"]
)
@pytest.mark.parametrize("hour", range(24))
def test_there_is_exactly_one_digest_on_every_local_day_of_a_year(zone: str, hour: int) -> None:
    rhythm = Rhythm("daily", zone, hour)
    moment, days = utc(2026, 1, 1), []
    while moment < utc(2027, 1, 1):
        moment = rhythm.next_due(moment)
        day, instant = rhythm.latest_due(moment)
        assert instant == moment
        days.append(day)
    assert days == [date.fromordinal(days[0].toordinal() + n) for n in range(len(days))]


def test_an_hour_that_comes_twice_is_taken_once() -> None:
    rhythm = Rhythm("daily", BERLIN, 2)
    first = rhythm.next_due(utc(2026, 10, 24, 12))
    assert first == utc(2026, 10, 25, 0)
    assert rhythm.next_due(first) == utc(2026, 10, 26, 1)


def test_a_missed_run_is_the_latest_one_not_all_of_them() -> None:
    day, instant = Rhythm("daily", BERLIN, 8).latest_due(utc(2026, 11, 22, 6, 30))
    assert (day, instant) == (date(2026, 11, 21), utc(2026, 11, 21, 7))


def test_what_does_not_matter_makes_no_schedule_of_its_own() -> None:
    assert Rhythm.of("daily", BERLIN, 8, 1) == Rhythm.of("daily", BERLIN, 8, 5)
    assert Rhythm.of("immediate", BERLIN, 8, 1) == Rhythm.of("immediate", "UTC", 9, 2)


def test_a_run_is_named_by_facts() -> None:
    assert Rhythm("daily", BERLIN, 8).run_key(date(2026, 11, 22)) == "daily/2026-11-22/Europe/Berlin/08"
    assert (
        Rhythm("weekly", BERLIN, 8, 1).run_key(date(2026, 11, 23)) == "weekly/2026-11-23/Europe/Berlin/1-08"
    )
