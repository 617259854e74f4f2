"""When digests are due: the local hour of a zone, right across daylight-saving changes."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import Connection, Row, text

FREQUENCIES = ("immediate", "daily", "weekly")
AT_ONCE = datetime(1970, 1, 1, tzinfo=UTC)  # `next_due_at` of the immediate schedule: always due


@dataclass(frozen=True, order=True)
class Rhythm:
    """How often, and at which local time. `weekday` is ISO (1 Monday), 0 where it does not matter."""

    frequency: str
    zone: str = "UTC"
    hour: int = 0
    weekday: int = 0

    @classmethod
    def of(cls, frequency: str, zone: str, hour: int, weekday: int) -> "Rhythm":
        """Keep only what matters for this frequency, so that equal rhythms share one schedule."""
        if frequency == "immediate":
            return cls("immediate")
        return cls(frequency, zone, hour, weekday if frequency == "weekly" else 0)

    def run_key(self, local_date: date) -> str:
        day = f"{self.weekday}-" if self.frequency == "weekly" else ""
        return f"{self.frequency}/{local_date.isoformat()}/{self.zone}/{day}{self.hour:02d}"

    def latest_due(self, at: datetime) -> tuple[date, datetime]:
        """The last local date on which a run was due at or before `at`, and that instant in UTC."""
        day = at.astimezone(ZoneInfo(self.zone)).date() + timedelta(days=1)
        while not self._is_due_on(day) or self.instant(day) > at:
            day -= timedelta(days=1)
        return day, self.instant(day)

    def next_due(self, after: datetime) -> datetime:
        if self.frequency == "immediate":
            return AT_ONCE
        day = after.astimezone(ZoneInfo(self.zone)).date()
        while not self._is_due_on(day) or self.instant(day) <= after:
            day += timedelta(days=1)
        return self.instant(day)

    def instant(self, day: date) -> datetime:
        """The local hour of that day in UTC. An hour that the clocks skip is taken an hour later, one
        that comes twice is taken the first time: either way there is one a day."""
        return datetime.combine(day, time(self.hour), ZoneInfo(self.zone)).astimezone(UTC)

    def _is_due_on(self, day: date) -> bool:
        return self.weekday in (0, day.isoweekday())


@cache
def known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def rhythm_of(schedule: Row[tuple[object, ...]]) -> Rhythm:
    return Rhythm(schedule.frequency, schedule.zone, schedule.hour, schedule.weekday)


def ensure_schedules(
    conn: Connection, rhythms: set[Rhythm], *, head: int, now: datetime
) -> dict[Rhythm, int]:
    """The ids of these schedules, made where new. A new one starts at the head: nobody on it has a past."""
    for rhythm in sorted(rhythms):
        conn.execute(
            text(
                """INSERT INTO schedules (frequency, zone, hour, weekday, next_due_at, covered_to)
                   VALUES (:frequency, :zone, :hour, :weekday, :next_due_at, :head)
                   ON CONFLICT (frequency, zone, hour, weekday) DO NOTHING"""
            ),
            {**rhythm.__dict__, "next_due_at": rhythm.next_due(now), "head": head},
        )
    rows = conn.execute(text("SELECT id, frequency, zone, hour, weekday FROM schedules"))
    found = {rhythm_of(row): row.id for row in rows}
    return {rhythm: found[rhythm] for rhythm in rhythms}


def hold_schedules(conn: Connection, ids: set[int]) -> None:
    """Keep planners out of these schedules until this transaction ends: whoever changes where a person's
    range starts must not do so while a run is being planned over it."""
    conn.execute(
        text("SELECT id FROM schedules WHERE id = ANY(:ids) ORDER BY id FOR SHARE"), {"ids": sorted(ids)}
    ).all()
