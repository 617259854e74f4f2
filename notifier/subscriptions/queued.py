"""Digests that are planned and have not left: held back for people whose wishes have changed since."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text


def withdraw_queued(
    conn: Connection,
    subscriber_ids: Sequence[int],
    *,
    reason: str,
    now: datetime,
    about: int | None = None,
) -> int:
    """Skip the queued digests of these people (who are held), all of them or those with this target in them.

    A batch that a sender holds just now counts as sent: nobody waits for a sender here, and no sender for us.
    """
    return conn.execute(
        text(_WITHDRAW), {"ids": list(subscriber_ids), "reason": reason, "now": now, "about": about}
    ).rowcount


_WITHDRAW = """
WITH queued AS (
  SELECT d.id AS delivery_id
  FROM deliveries d JOIN batches b ON b.id = d.batch_id
  WHERE d.subscriber_id = ANY(:ids) AND d.state IS NULL AND b.state IN ('planned', 'retrying') AND b.mail = 'digest'
    AND (CAST(:about AS int) IS NULL
         OR EXISTS (SELECT 1 FROM edition_items i WHERE i.edition_id = b.edition_id AND i.target_id = :about))
  FOR SHARE OF b SKIP LOCKED)
UPDATE deliveries d SET state = 'skipped', reason = :reason, state_at = :now
FROM queued q WHERE d.id = q.delivery_id AND d.state IS NULL
"""


def withdraw_queued_of_many(
    conn: Connection, subscriber_ids: Sequence[int], *, reason: str, now: datetime, about: int
) -> list[int]:
    """As `withdraw_queued`; whose digests were held back. It looks through what is open, and not through all that
    these people ever got."""
    return list(
        conn.execute(
            text(_WITHDRAW_OF_MANY),
            {"ids": list(subscriber_ids), "reason": reason, "now": now, "about": about},
        ).scalars()
    )


_WITHDRAW_OF_MANY = """
WITH open AS MATERIALIZED (
  SELECT DISTINCT b.run_id FROM batches b
  WHERE b.state IN ('planned', 'retrying') AND b.run_id IS NOT NULL AND b.mail = 'digest'),
queued AS (
  SELECT d.id AS delivery_id
  FROM unnest(CAST(:ids AS bigint[])) AS p (id) CROSS JOIN open o
  JOIN deliveries d ON d.subscriber_id = p.id AND d.run_id = o.run_id
  JOIN batches b ON b.id = d.batch_id
  WHERE d.state IS NULL AND b.state IN ('planned', 'retrying')
    AND EXISTS (SELECT 1 FROM edition_items i WHERE i.edition_id = b.edition_id AND i.target_id = :about)
  FOR SHARE OF b SKIP LOCKED)
UPDATE deliveries d SET state = 'skipped', reason = :reason, state_at = :now
FROM queued q WHERE d.id = q.delivery_id AND d.state IS NULL
RETURNING d.subscriber_id
"""
