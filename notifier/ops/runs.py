"""How far runs have come, in people, by the sizes of their batches: a run of a million is some thousand rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from sqlalchemy import Connection, text

RATE_OVER = timedelta(minutes=5)


@dataclass(frozen=True)
class RunProgress:
    """All counts are people. `lately` were accepted within RATE_OVER."""

    id: int
    key: str
    frequency: str | None  # None: a correction
    planned_at: datetime
    paused_at: datetime | None
    people: int
    waiting: int  # planned, sending or retrying
    accepted: int
    unknown: int
    failed: int
    left_out: int  # skipped or given up
    lately: int
    ended_at: datetime | None  # the latest of its batches

    @property
    def is_over(self) -> bool:
        return not self.waiting

    @property
    def share(self) -> float:
        """Of all its people, those who wait for nothing any more. It is never nearly whole: the last ones count."""
        return min(1 - self.waiting / self.people, 0.99) if self.waiting else 1.0

    def rate(self, now: datetime) -> float:
        """Mails a second, of late."""
        span = min(RATE_OVER, now - self.planned_at)
        return self.lately / max(span.total_seconds(), 1)

    def time_left(self, now: datetime) -> timedelta | None:
        """None: nothing of it goes out just now."""
        rate = self.rate(now)
        return timedelta(seconds=ceil(self.waiting / rate)) if rate else None


def running(conn: Connection, now: datetime, limit: int) -> list[RunProgress]:
    """The newest runs of which mail still waits."""
    ids = conn.execute(text(_RUNNING), {"limit": limit}).scalars().all()
    return progress(conn, ids, now)


def newest(conn: Connection, now: datetime, limit: int, *, before: int | None = None) -> list[RunProgress]:
    """`before`: the id of the last one of the page before."""
    older = "" if before is None else "WHERE id < :before"
    statement = text(f"SELECT id FROM runs {older} ORDER BY id DESC LIMIT :limit")
    ids = conn.execute(statement, {"before": before, "limit": limit}).scalars().all()
    return progress(conn, ids, now)


def progress(conn: Connection, run_ids: Sequence[int], now: datetime) -> list[RunProgress]:
    """Of these, the newest first."""
    bind = {"ids": list(run_ids), "since": now - RATE_OVER}
    return [RunProgress(**row._mapping) for row in conn.execute(text(_PROGRESS), bind)]


# Each branch has a partial index of its own.
_RUNNING = """
SELECT run_id FROM (
  SELECT run_id FROM batches WHERE state IN ('planned', 'retrying') AND run_id IS NOT NULL GROUP BY run_id
  UNION SELECT run_id FROM batches WHERE state = 'sending' AND run_id IS NOT NULL) x
ORDER BY run_id DESC LIMIT :limit
"""

_PROGRESS = """
WITH mine AS MATERIALIZED (
  SELECT id, run_id, state, size, ended_at FROM batches WHERE run_id = ANY(:ids)),
alone AS (
  SELECT batch_id, count(*) AS people, count(*) FILTER (WHERE state = 'failed') AS failed
  FROM deliveries WHERE state IN ('skipped', 'failed')
    AND batch_id BETWEEN (SELECT min(id) FROM mine) AND (SELECT max(id) FROM mine)
  GROUP BY batch_id),
told AS (
  SELECT m.run_id, m.state, m.size, m.size - COALESCE(a.people, 0) AS people, COALESCE(a.failed, 0) AS failed,
         COALESCE(a.people - a.failed, 0) AS skipped, m.ended_at
  FROM mine m LEFT JOIN alone a ON a.batch_id = m.id)
SELECT r.id, r.key, c.frequency, r.planned_at, r.paused_at,
       COALESCE(sum(t.size), 0)::bigint AS people,
       COALESCE(sum(t.people) FILTER (WHERE t.state IN ('planned', 'sending', 'retrying')), 0)::bigint AS waiting,
       COALESCE(sum(t.people) FILTER (WHERE t.state = 'accepted'), 0)::bigint AS accepted,
       COALESCE(sum(t.people) FILTER (WHERE t.state = 'unknown'), 0)::bigint AS unknown,
       COALESCE(sum(t.people) FILTER (WHERE t.state = 'failed'), 0)::bigint + COALESCE(sum(t.failed), 0)::bigint
         AS failed,
       COALESCE(sum(t.people) FILTER (WHERE t.state = 'dropped'), 0)::bigint + COALESCE(sum(t.skipped), 0)::bigint
         AS left_out,
       COALESCE(sum(t.people) FILTER (WHERE t.state = 'accepted' AND t.ended_at > :since), 0)::bigint AS lately,
       max(t.ended_at) AS ended_at
FROM runs r LEFT JOIN schedules c ON c.id = r.schedule_id LEFT JOIN told t ON t.run_id = r.id
WHERE r.id = ANY(:ids) GROUP BY r.id, c.frequency ORDER BY r.id DESC
"""
