"""Settle what is unknown: by evidence, never by a guess."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text


def settle_unknown(engine: Engine, *, now: datetime, max_attempts: int, grace: timedelta) -> dict[str, int]:
    """{"accepted": batches proved by the webhook, "retrying": proved not to have been taken}.

    An event with one of a batch's delivery ids proves that the call was accepted. Silence proves the opposite
    only while the webhook is known to be alive: it has spoken since well after the call, and about everything
    else that was accepted around that time. Whatever neither settles stays `unknown`, for an operator.
    """
    with engine.begin() as conn:
        return {
            "accepted": _accept_proved(conn, now),
            "retrying": _retry_unheard(conn, now, grace, max_attempts),
        }


def _accept_proved(conn: Connection, now: datetime) -> int:
    return conn.execute(
        text(
            """UPDATE batches b SET state = 'accepted', ended_at = :now, lease_until = NULL,
                                    failure_class = NULL, reason = NULL
               WHERE b.state IN ('unknown', 'retrying') AND b.attempted_at IS NOT NULL
                 AND EXISTS (SELECT 1 FROM deliveries d JOIN feedback_events f ON f.delivery_id = d.id
                             WHERE d.batch_id = b.id)"""
        ),
        {"now": now},
    ).rowcount


def _retry_unheard(conn: Connection, now: datetime, grace: timedelta, max_attempts: int) -> int:
    return conn.execute(
        text(
            """WITH doubtful AS (
                 SELECT id, attempted_at FROM batches
                 WHERE state = 'unknown' AND attempted_at <= :now - CAST(:grace AS interval) AND attempts < :max
                 FOR UPDATE SKIP LOCKED),
               unheard AS (
                 SELECT o.ended_at FROM batches o
                 WHERE o.state = 'accepted'
                   AND o.ended_at > (SELECT min(attempted_at) FROM doubtful) - interval '1 hour'
                   AND o.ended_at < :now - CAST(:grace AS interval) / 2
                   AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN feedback_events f ON f.delivery_id = d.id
                                   WHERE d.batch_id = o.id))
               UPDATE batches b SET state = 'retrying', next_attempt_at = :now
               FROM doubtful d
               WHERE b.id = d.id
                 AND d.attempted_at + CAST(:grace AS interval) / 2 <= (SELECT max(received_at) FROM feedback_events)
                 AND NOT EXISTS (SELECT 1 FROM unheard)"""
        ),
        {"now": now, "grace": grace, "max": max_attempts},
    ).rowcount
