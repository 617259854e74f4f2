"""What did not go well, grouped by class and reason, so that one decision is made once."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.delivery.deciding import IN_QUESTION

ALONE_SINCE = timedelta(days=30)
"""What failed or bounced for one person alone is counted over this time."""
MOST_GROUPS = 50


@dataclass(frozen=True)
class Kind:
    """What batches have in common. `upto` is the newest of them when an operator looked, `called_upto` the last call
    of any: a decision is not about those that came since, nor about what a later call came to."""

    state: str
    failure_class: str | None
    reason: str | None
    upto: int
    called_upto: datetime | None = None


@dataclass(frozen=True)
class Group:
    kind: Kind
    batches: int
    people: int
    first_at: datetime
    last_at: datetime

    @property
    def can_be_sent_again(self) -> bool:
        return self.kind.state in IN_QUESTION


@dataclass(frozen=True)
class Alone:
    """Mails of which the provider said something about this one address."""

    state: str  # failed or bounced
    reason: str | None
    people: int
    first_at: datetime
    last_at: datetime


def groups(conn: Connection) -> list[Group]:
    """Failed, in doubt, and being tried again; those with the most people first."""
    rows = conn.execute(text(_GROUPS), {"most": MOST_GROUPS})
    return [
        Group(
            Kind(row.state, row.failure_class, row.reason, row.upto),
            row.batches,
            row.people,
            row.first_at,
            row.last_at,
        )
        for row in rows
    ]


def alone(conn: Connection, now: datetime) -> list[Alone]:
    rows = conn.execute(text(_ALONE), {"since": now - ALONE_SINCE, "most": MOST_GROUPS})
    return [Alone(**row._mapping) for row in rows]


@dataclass(frozen=True)
class Batches:
    """Those that can be sent again, as they are now."""

    ids: list[int]
    people: int
    called_upto: datetime


def batches_of(conn: Connection, kind: Kind) -> Batches | None:
    """None: there are none, or none any more."""
    assert kind.state in IN_QUESTION
    bind = {
        "class": kind.failure_class,
        "reason": kind.reason,
        "upto": kind.upto,
        "called_upto": kind.called_upto,
    }
    rows = conn.execute(text(_OF_KIND.format(state=kind.state)), bind).all()
    if not rows:
        return None
    people = sum(row.people for row in rows)
    return Batches([row.id for row in rows], people, max(row.called_at for row in rows))


_LEFT_OUT = """(SELECT count(*) FROM deliveries d
                WHERE d.batch_id = b.id AND d.state IN ('skipped', 'failed'))"""

# Each branch has a partial index of its own. What is planned again has an attempt behind it.
_GROUPS = f"""
WITH bad AS (
  SELECT * FROM batches WHERE state = 'failed'
  UNION ALL SELECT * FROM batches WHERE state = 'unknown'
  UNION ALL SELECT * FROM batches WHERE state = 'retrying' AND run_id IS NOT NULL
  UNION ALL SELECT * FROM batches WHERE state = 'retrying' AND run_id IS NULL)
SELECT b.state, b.failure_class, b.reason, max(b.id) AS upto, count(*) AS batches,
       sum(b.size - {_LEFT_OUT})::bigint AS people,
       min(COALESCE(b.attempted_at, b.created_at)) AS first_at, max(COALESCE(b.attempted_at, b.created_at)) AS last_at
FROM bad b GROUP BY 1, 2, 3 ORDER BY people DESC, upto DESC LIMIT :most
"""

_OF_KIND = f"""
SELECT b.id, b.size - {_LEFT_OUT} AS people, COALESCE(b.attempted_at, b.created_at) AS called_at FROM batches b
WHERE b.state = '{{state}}' AND b.failure_class IS NOT DISTINCT FROM :class
  AND b.reason IS NOT DISTINCT FROM :reason AND b.id <= :upto
  AND (CAST(:called_upto AS timestamptz) IS NULL OR COALESCE(b.attempted_at, b.created_at) <= :called_upto)
ORDER BY b.id
"""

_ALONE = """
SELECT 'failed' AS state, reason, count(*) AS people, min(state_at) AS first_at, max(state_at) AS last_at
FROM deliveries WHERE state = 'failed' AND state_at > :since GROUP BY reason
UNION ALL
SELECT 'bounced', reason, count(DISTINCT delivery_id), min(received_at), max(received_at)
FROM feedback_events WHERE kind IN ('bounce', 'dropped_invalid') AND received_at > :since
  AND delivery_id IS NOT NULL GROUP BY reason
ORDER BY people DESC LIMIT :most
"""
