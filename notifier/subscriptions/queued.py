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
