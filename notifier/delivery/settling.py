"""Settle what is unknown: by evidence, never by a guess."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, Row, text

from notifier.delivery.history import note_settled
from notifier.delivery.providers import REPORTING

AROUND = timedelta(hours=1)
"""Before the call; what was accepted in this time must all have been heard of."""
PATIENCE = 3
"""However long nothing was heard after the call, the webhook may have been away. What could not be said then is said
again at growing intervals: it may take as long once more, and some."""
OLDEST = timedelta(days=7)
"""About what is older, silence says nothing more."""

SKEW = timedelta(minutes=1)
"""Of the provider's clock, which says whole seconds."""


def settle_unknown(engine: Engine, *, now: datetime, max_attempts: int, grace: timedelta) -> dict[str, int]:
    """{"accepted": batches proved by the webhook, "retrying": proved not to have been taken}.

    An event with one of a batch's delivery ids proves that the call was accepted. Silence proves the opposite only
    while the webhook is known to be alive and on time: it spoke well after the call, of everything else that was
    accepted around that time, nothing that it says now is late, and if it was away, that is long enough ago. Whatever
    neither settles stays `unknown`, for an operator.
    """
    with engine.begin() as conn:
        waiting = list(conn.execute(text(_WAITING)).scalars())
        return {
            "accepted": len(accept_proved(conn, waiting, now)),
            "retrying": _retry_unheard(conn, now, grace, max_attempts),
        }


# Where every attempt so far cost nothing, nothing was sent.
_WAITING = """
SELECT id FROM batches WHERE state = 'unknown' OR state = 'retrying' AND attempts > 0
ORDER BY id FOR UPDATE SKIP LOCKED
"""


def accept_proved(conn: Connection, batch_ids: list[int], now: datetime) -> set[int]:
    """Those of these batches (yours by a lock) that an event speaks of; from now on they are `accepted`.

    What was said before the batch was made, or later of something before it, is about a mail that came back and is
    being sent again (resending.py).
    """
    if not batch_ids:
        return set()
    proved = set(
        conn.execute(
            text(
                """UPDATE batches b SET state = 'accepted', ended_at = :now, lease_until = NULL,
                                        failure_class = NULL, reason = NULL
                   WHERE b.id = ANY(:ids)
                     AND EXISTS (SELECT 1 FROM deliveries d JOIN feedback_events f ON f.delivery_id = d.id
                                 WHERE d.batch_id = b.id AND f.received_at >= LEAST(b.created_at, b.called_at)
                                   AND (f.occurred_at >= b.created_at - CAST(:skew AS interval)
                                        OR NOT EXISTS (SELECT 1 FROM batch_history h
                                                       WHERE h.batch_id = b.id AND h.what = 'bounced')))
                   RETURNING b.id"""
            ),
            {"ids": batch_ids, "now": now, "skew": SKEW},
        ).scalars()
    )
    note_settled(conn, proved, "proved", now)
    return proved


def _retry_unheard(conn: Connection, now: datetime, grace: timedelta, max_attempts: int) -> int:
    bind = {
        "now": now,
        "grace": grace,
        "max": max_attempts,
        "around": AROUND,
        "patience": PATIENCE,
        "oldest": now - OLDEST,
        "reporting": list(REPORTING),
    }
    doubtful: Sequence[Row[tuple[int]]] = conn.execute(text(_DOUBTFUL), bind).all()
    if not doubtful or conn.execute(text(_LATE_WORD), bind).scalar_one():
        return 0
    unheard = conn.execute(text(_RETRY), {**bind, "ids": [row.id for row in doubtful]}).scalars().all()
    note_settled(conn, unheard, "unheard", now)
    return len(unheard)


_DOUBTFUL = """
SELECT id FROM batches
WHERE state = 'unknown' AND provider = ANY(:reporting) AND attempts < :max
  AND failure_class IS DISTINCT FROM 'restored'  -- what the webhook said before is lost: its silence proves nothing
  AND COALESCE(called_at, attempted_at) BETWEEN :oldest AND :now - CAST(:grace AS interval)
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# While events come late, the one that is waited for may be among those still on their way.
_LATE_WORD = """
SELECT EXISTS (SELECT 1 FROM feedback_events
               WHERE received_at > :now - CAST(:grace AS interval)
                 AND received_at - occurred_at > CAST(:grace AS interval) / 2)
"""

_RETRY = """
WITH doubtful AS (SELECT id, COALESCE(called_at, attempted_at) AS at FROM batches WHERE id = ANY(:ids)),
     unheard AS MATERIALIZED (
       SELECT o.ended_at FROM batches o
       WHERE o.state = 'accepted' AND o.provider = ANY(:reporting)
         AND o.ended_at > (SELECT min(at) FROM doubtful) - CAST(:around AS interval)
         AND o.ended_at < :now - CAST(:grace AS interval) / 2
         AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN feedback_events f ON f.delivery_id = d.id
                         WHERE d.batch_id = o.id))
UPDATE batches b SET state = 'retrying', next_attempt_at = :now
FROM doubtful d
WHERE b.id = d.id
  AND d.at + :patience * ((SELECT min(received_at) FROM feedback_events WHERE received_at > d.at) - d.at)
      + CAST(:grace AS interval) <= :now
  AND d.at + CAST(:grace AS interval) / 2 <= (SELECT max(received_at) FROM feedback_events)
  AND NOT EXISTS (SELECT 1 FROM unheard u
                  WHERE u.ended_at > d.at - CAST(:around AS interval) AND u.ended_at < d.at + CAST(:grace AS interval))
RETURNING b.id
"""
