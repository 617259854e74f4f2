"""Find what a lost message or a killed worker left behind."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, Row, text

from notifier.delivery import patience


def expire_leases(
    engine: Engine, *, now: datetime, repeatable: frozenset[str], max_attempts: int
) -> dict[str, int]:
    """A lease that ran out means that a worker died between claim and record; {state: batches}.

    What was not called yet, or where a repeat is harmless (`repeatable` names such providers), is sent again: at
    once, and after growing delays if it was lost before, as it may be what kills them. What was not called has used
    no attempt, and is given up only when it was lost as often as that for a day: workers mostly die for other
    reasons. Anything else may have been accepted: it is parked as unknown, not guessed. A letter is sent again: to
    get the same link twice does no harm, to wait for it in vain does.
    """
    bind = {
        "now": now,
        "repeatable": list(repeatable),
        "max_attempts": max_attempts,
        "since": now - patience.LONGEST_OUTAGE,
    }
    with engine.begin() as conn:
        lost = conn.execute(text(_LOST), bind).all()
        if lost:
            conn.execute(text(_SET_FREE), {"now": now, **_columns(lost, now)})
    return Counter(row.state for row in lost)


def _columns(lost: Sequence[Row[Any]], now: datetime) -> dict[str, list[Any]]:
    return {
        "ids": [row.id for row in lost],
        "states": [row.state for row in lost],
        "next": [now + patience.delay(row.before) if row.before else now for row in lost],
    }


_LOST = """
SELECT id, before,
       CASE WHEN called_at IS NOT NULL AND provider <> ALL(:repeatable) AND run_id IS NOT NULL THEN 'unknown'
            WHEN called_at IS NOT NULL AND attempts >= :max_attempts THEN 'failed'
            WHEN called_at IS NULL AND before + 1 >= :max_attempts AND first_lost <= :since THEN 'failed'
            ELSE 'retrying' END AS state
FROM (SELECT id, attempts, called_at, provider, run_id FROM batches WHERE state = 'sending' AND lease_until < :now
      ORDER BY id FOR UPDATE SKIP LOCKED) b
CROSS JOIN LATERAL (
  SELECT count(*) AS before, min(at) AS first_lost FROM batch_history h
  WHERE h.batch_id = b.id AND h.what = 'worker lost'
    AND h.id > ALL (SELECT id FROM batch_history WHERE batch_id = b.id AND what = 'retried')) lost
"""

_SET_FREE = """
WITH lost AS (
  UPDATE batches b SET lease_until = NULL, next_attempt_at = v.next, failure_class = 'worker lost', state = v.state,
                       attempts = attempts - CASE WHEN called_at IS NULL THEN 1 ELSE 0 END,
                       ended_at = CASE WHEN v.state = 'failed' THEN CAST(:now AS timestamptz) END
  FROM unnest(CAST(:ids AS bigint[]), CAST(:states AS text[]), CAST(:next AS timestamptz[])) AS v (id, state, next)
  WHERE b.id = v.id RETURNING b.id, b.attempts + CASE WHEN called_at IS NULL THEN 1 ELSE 0 END AS attempt)
INSERT INTO batch_history (batch_id, at, what, attempt) SELECT id, :now, 'worker lost', attempt FROM lost
"""


def has_due_batches(engine: Engine, now: datetime) -> bool:
    with engine.connect() as conn:
        return bool(
            conn.execute(
                text(
                    """SELECT EXISTS (SELECT 1 FROM batches
                                      WHERE state IN ('planned', 'retrying') AND run_id IS NOT NULL
                                        AND next_attempt_at <= :now)"""
                ),
                {"now": now},
            ).scalar_one()
        )
