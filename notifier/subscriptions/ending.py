"""Ending subscriptions and bringing them back. What they were told stays known, so that an undo is exact."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

UNDO_PERIOD = timedelta(days=30)
FOR_GOOD = ("complaint", "unsubscribed")
"""Why a subscription ended, or why an address is on the do-not-mail list: only a new confirmation brings it back."""


WHY_WITHDRAWN = """(SELECT w.reason FROM withdrawals w
    WHERE b.ended_reason = 'withdrawn' AND w.target_id = b.target_id AND w.at <= b.ended_at
    ORDER BY w.at DESC LIMIT 1)"""
"""SQL: what an operator wrote for the person whose subscription `b` they ended."""

END_ALL = """
UPDATE subscriptions b
SET ended_at = :now, ended_reason = :reason, told_to = COALESCE(s.resume_position, c.covered_to)
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id
WHERE b.subscriber_id = ANY(:ids) AND s.id = b.subscriber_id AND b.ended_at IS NULL
"""


def end_subscription(
    conn: Connection, subscriber_id: int, target_id: int, *, reason: str, now: datetime
) -> list[int]:
    """Its id, none where it has ended already. The person is held."""
    return list(
        conn.execute(
            text(f"{END_ALL} AND b.target_id = :target_id RETURNING b.id"),
            {"ids": [subscriber_id], "target_id": target_id, "reason": reason, "now": now},
        ).scalars()
    )


def end_for_all(
    conn: Connection,
    subscriber_ids: Sequence[int],
    target_id: int,
    *,
    reason: str,
    action: str,
    now: datetime,
) -> list[int]:
    """Those of these people, who are held, who followed this until now. Each has a line in their trail."""
    return list(
        conn.execute(
            text(_END_FOR_ALL),
            {
                "ids": list(subscriber_ids),
                "target_id": target_id,
                "reason": reason,
                "action": action,
                "now": now,
            },
        ).scalars()
    )


_END_FOR_ALL = f"""
WITH ended AS ({END_ALL} AND b.target_id = :target_id RETURNING b.id, b.subscriber_id),
noted AS (
  INSERT INTO subscription_changes (subscriber_id, subscription_id, at, action, via)
  SELECT subscriber_id, id, :now, :action, 'operator' FROM ended)
SELECT subscriber_id FROM ended
"""


def reopen_subscriptions(conn: Connection, subscriber_id: int, ids: Sequence[int]) -> None:
    """Bring these back as if they had not ended: the person is active, and their range begins where the first
    of them was left. What was told after that to the others is not told again (`partly_told`)."""
    bind = {"id": subscriber_id, "ids": list(ids)}
    conn.execute(
        text(
            """UPDATE subscribers s
               SET state = 'active', stopped_at = NULL, partly_told = true,
                   resume_position = LEAST(COALESCE(s.resume_position, c.covered_to), b.told_to)
               FROM schedules c, (SELECT min(told_to) AS told_to FROM subscriptions WHERE id = ANY(:ids)) b
               WHERE s.id = :id AND c.id = s.schedule_id"""
        ),
        bind,
    )
    conn.execute(
        text(
            """UPDATE subscriptions SET ended_at = NULL, ended_reason = NULL, told_to = NULL
               WHERE subscriber_id = :id AND id = ANY(:ids)"""
        ),
        bind,
    )
