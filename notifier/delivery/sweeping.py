"""Find what a lost message or a killed worker left behind."""

from datetime import datetime

from sqlalchemy import Engine, text


def expire_leases(
    engine: Engine, *, now: datetime, repeatable: frozenset[str], max_attempts: int
) -> dict[str, int]:
    """A lease that ran out means that a worker died between claim and record; {state: batches}.

    What was not called yet, or where a repeat is harmless (`repeatable` names such providers), is sent again,
    unless it has cost too many workers already. Anything else may have been accepted: it is parked as unknown, not
    guessed. A letter is sent again: to get the same link twice does no harm, to wait for it in vain does.
    """
    with engine.begin() as conn:
        states = conn.execute(
            text(_EXPIRE), {"now": now, "repeatable": list(repeatable), "max_attempts": max_attempts}
        ).scalars()
        found = list(states)
    return {state: found.count(state) for state in set(found)}


_EXPIRE = """
WITH lost AS (
  UPDATE batches b SET lease_until = NULL, next_attempt_at = :now, failure_class = 'worker lost',
                       state = x.state, ended_at = CASE WHEN x.state = 'failed' THEN CAST(:now AS timestamptz) END
  FROM (SELECT id, CASE WHEN called_at IS NOT NULL AND provider <> ALL(:repeatable) AND run_id IS NOT NULL
                             THEN 'unknown'
                        WHEN attempts < :max_attempts THEN 'retrying' ELSE 'failed' END AS state
        FROM batches WHERE state = 'sending' AND lease_until < :now
        ORDER BY id FOR UPDATE SKIP LOCKED) x
  WHERE b.id = x.id RETURNING b.id, b.state, b.attempts),
noted AS (INSERT INTO batch_history (batch_id, at, what, attempt) SELECT id, :now, 'worker lost', attempts FROM lost)
SELECT state FROM lost
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
