"""What is special about letters when they are claimed: who may still get one, and where it goes."""

from datetime import datetime

from sqlalchemy import Connection, text

from notifier.links.timed import LIFETIMES


def has_due_letters(conn: Connection, now: datetime) -> bool:
    return bool(
        conn.execute(
            text(
                """SELECT EXISTS (SELECT 1 FROM batches
                                  WHERE state IN ('planned', 'retrying') AND mail <> 'digest'
                                    AND next_attempt_at <= :now)"""
            ),
            {"now": now},
        ).scalar_one()
    )


def skip_unwanted_letters(conn: Connection, batch_ids: list[int], now: datetime) -> None:
    """A confirm letter goes while its sign-up is open: nothing but an operator's word keeps it back, as to confirm
    is how somebody comes back. A link that was asked for goes wherever mail arrives; a receipt, once, to whoever
    is still stopped."""
    conn.execute(
        text(_SKIP),
        {"ids": batch_ids, "now": now, "dead": now - LIFETIMES["confirm"]},
    )


_SKIP = """
UPDATE deliveries d SET state = 'skipped', reason = x.reason, state_at = :now
FROM (SELECT d.id, CASE
        WHEN COALESCE(g.id, s.id) IS NULL THEN 'erased'
        WHEN p.reason = 'operator' THEN 'suppressed'
        WHEN b.mail = 'confirm' THEN CASE WHEN g.refused_at IS NOT NULL THEN 'refused'
                                          WHEN g.confirmed_at IS NOT NULL THEN 'confirmed'
                                          WHEN b.created_at < :dead THEN 'its link is too old' END
        WHEN p.reason IN ('bounced', 'soft bounces', 'invalid') THEN 'suppressed'
        WHEN b.mail = 'stopped' THEN CASE WHEN p.reason IS NOT NULL THEN 'suppressed'
                                          WHEN s.state <> 'stopped' THEN 'not stopped any more'
                                          WHEN EXISTS (SELECT 1 FROM deliveries o JOIN batches c ON c.id = o.batch_id
                                                       WHERE o.subscriber_id = s.id AND c.mail = 'stopped'
                                                         AND c.id < b.id AND c.created_at >= s.stopped_at
                                                         AND o.state IS DISTINCT FROM 'skipped') THEN 'told already' END
        END AS reason
      FROM deliveries d JOIN batches b ON b.id = d.batch_id
      LEFT JOIN sign_ups g ON g.id = d.sign_up_id
      LEFT JOIN subscribers s ON s.id = d.subscriber_id
      LEFT JOIN suppressions p ON p.email_key = COALESCE(g.email_key, s.email_key)
      WHERE d.batch_id = ANY(:ids) AND d.state IS NULL) x
WHERE x.id = d.id AND x.reason IS NOT NULL
"""
