"""The last day by the hour: sent, failed and bounced, and the bars that show it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

HOURS = 24
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Hours:
    """One number for each of the last 24 hours, the oldest first. They go by the minute of the look, so that they add
    up to what the last 24 hours had."""

    name: str  # a label, such as "Sent"
    begin: datetime
    counts: tuple[int, ...]

    @property
    def end(self) -> datetime:
        return self.begin + HOUR * HOURS

    @property
    def total(self) -> int:
        return sum(self.counts)

    @property
    def most(self) -> int:
        return max(self.counts)

    @property
    def busiest(self) -> datetime:
        """When the hour began that had most."""
        return self.begin + HOUR * self.counts.index(self.most)

    def by_hour(self) -> list[tuple[datetime, int]]:
        return [(self.begin + HOUR * place, count) for place, count in enumerate(self.counts)]

    def heights(self, full: int) -> list[int]:
        """Of its bars: the tallest is `full`. What is not nothing is seen."""
        return [max(2, round(full * count / self.most)) if count else 0 for count in self.counts]


def last_day(conn: Connection, now: datetime) -> list[Hours]:
    begin = now - HOUR * HOURS
    return [
        Hours(name, begin, _counts(conn, statement, begin))
        for name, statement in (("Sent", _SENT), ("Failed", _FAILED), ("Digests bounced", _BOUNCED))
    ]


def _counts(conn: Connection, statement: str, begin: datetime) -> tuple[int, ...]:
    rows: Sequence[tuple[datetime, int]] = [
        tuple(row) for row in conn.execute(text(statement), {"begin": begin})
    ]
    found = [0] * HOURS
    for hour, count in rows:
        # What ended at this very moment, or by a clock ahead of ours, is of the last hour.
        found[min((hour - begin) // HOUR, HOURS - 1)] += int(count)
    return tuple(found)


# date_bin, as date_trunc would go by the session's time zone, and some are off by half an hour.
_BIN = "date_bin('1 hour', {at}, :begin)"

_SENT = f"""
WITH sent AS MATERIALIZED (
  SELECT id, size, ended_at AS at FROM batches WHERE state = 'accepted' AND ended_at > :begin),
left_out AS (
  SELECT batch_id, count(*) AS people FROM deliveries
  WHERE state IN ('skipped', 'failed') AND batch_id >= (SELECT min(id) FROM sent) GROUP BY batch_id)
SELECT {_BIN.format(at="at")}, sum(size - COALESCE(people, 0))::bigint
FROM sent LEFT JOIN left_out ON batch_id = id GROUP BY 1
"""

_FAILED = f"""
SELECT {_BIN.format(at="at")}, sum(mails)::bigint
FROM (SELECT b.ended_at AS at,
             b.size - (SELECT count(*) FROM deliveries d
                       WHERE d.batch_id = b.id AND d.state IN ('skipped', 'failed')) AS mails
      FROM batches b WHERE b.state = 'failed' AND b.ended_at > :begin
      UNION ALL SELECT state_at, 1 FROM deliveries WHERE state = 'failed' AND state_at > :begin) x
GROUP BY 1
"""

_BOUNCED = f"""
SELECT {_BIN.format(at="hour")}, sum(events)::bigint FROM feedback_hours
WHERE digest AND kind IN ('bounce', 'dropped_invalid') AND hour > :begin GROUP BY 1
"""
