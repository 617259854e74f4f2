"""Whether runs come when their hour has come, and events find their run."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text


@dataclass(frozen=True)
class Rhythm:
    """All schedules of one frequency. A run that is missing is one whose `next_due_at` has passed: planning it is
    what moves that on. `immediate` has no hour: there it is the oldest event that no run has covered."""

    frequency: str
    schedules: int
    next_due_at: datetime | None  # the first
    last_planned_at: datetime | None

    def overdue(self, now: datetime) -> timedelta:
        return max(now - self.next_due_at, timedelta(0)) if self.next_due_at else timedelta(0)


@dataclass(frozen=True)
class Events:
    """Change events: how many have come so far, and those that no digest can see yet."""

    received: int
    unnumbered: int
    unnumbered_since: datetime | None


def rhythms(conn: Connection) -> list[Rhythm]:
    return [Rhythm(**row._mapping) for row in conn.execute(text(_RHYTHMS))]


def events(conn: Connection) -> Events:
    """Positions have no gaps, so the last one is the count."""
    return Events(**conn.execute(text(_EVENTS)).one()._mapping)


_RHYTHMS = """
SELECT frequency, count(*) AS schedules,
       CASE WHEN frequency = 'immediate'
            THEN (SELECT min(seen_at) FROM change_events WHERE position > min(covered_to))
            ELSE min(next_due_at) END AS next_due_at,
       max((SELECT max(planned_at) FROM runs r WHERE r.schedule_id = c.id)) AS last_planned_at
FROM schedules c GROUP BY frequency ORDER BY frequency
"""

_EVENTS = """
SELECT count(*) + (SELECT COALESCE(max(position), 0) FROM change_events) AS received,
       count(*) AS unnumbered, min(seen_at) AS unnumbered_since
FROM change_events WHERE position IS NULL
"""
