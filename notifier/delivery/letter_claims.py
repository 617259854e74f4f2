"""What is special about letters when they are claimed: who may still get one, and where it goes."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.links.timed import LIFETIMES
from notifier.subscriptions.confirming import STOPPED_SINCE

ONCE_AFTER_NO = timedelta(days=30)
ONCE_AFTER_BOUNCE = timedelta(days=7)
LONG_SINCE = timedelta(days=30)  # shorter than any letter is kept


# A letter that was refused says nothing of the account. While the breaker is open it leaves the probe to a digest.
DUE_LETTER = """b.state IN ('planned', 'retrying') AND b.run_id IS NULL AND b.next_attempt_at <= :now
  AND NOT (b.failure_class IS NOT DISTINCT FROM 'our_fault'
           AND EXISTS (SELECT FROM brakes WHERE name = 'breaker')
           AND NOT EXISTS (SELECT FROM brakes WHERE name = 'unwelcome')
           AND EXISTS (SELECT FROM batches o JOIN runs r ON r.id = o.run_id
                       WHERE o.state IN ('planned', 'retrying') AND o.run_id IS NOT NULL
                         AND o.next_attempt_at <= :now AND r.paused_at IS NULL))"""
"""SQL: batch `b` is a letter that may be claimed now."""


def has_due_letters(conn: Connection, now: datetime) -> bool:
    find = text(f"SELECT EXISTS (SELECT FROM batches b WHERE {DUE_LETTER})")
    return bool(conn.execute(find, {"now": now}).scalar_one())


def skip_unwanted_letters(conn: Connection, batch_ids: list[int], now: datetime) -> None:
    """A confirm letter goes while its sign-up is open. Whoever said no, or does not get our mail, gets one in a while
    and no more, as to confirm is how somebody comes back, and anybody may sign up anybody. A link that was
    asked for goes wherever mail arrives; a receipt, once, to whoever is still stopped. A welcome is waited for by
    nobody: it goes once after somebody came, and in doubt not again."""
    conn.execute(
        text(_SKIP),
        {
            "ids": batch_ids,
            "now": now,
            "dead": now - LIFETIMES["confirm"],
            "after_no": now - ONCE_AFTER_NO,
            "after_bounce": now - ONCE_AFTER_BOUNCE,
            "long": LONG_SINCE,
        },
    )


# "This was not me", of whoever has confirmed nothing since; or a complaint, or an erasure.
_SAID_NO_AT = """GREATEST(
    (SELECT max(r.refused_at) FROM sign_ups r
     WHERE r.email_key = u.email_key
       AND NOT EXISTS (SELECT 1 FROM sign_ups y WHERE y.email_key = r.email_key AND y.confirmed_at > r.refused_at)),
    CASE WHEN p.reason IN ('complaint', 'erased') THEN p.created_at END)"""

_ASKED_LATELY = f"""EXISTS (
    SELECT 1 FROM sign_ups o JOIN deliveries e ON e.sign_up_id = o.id JOIN batches c ON c.id = e.batch_id
    WHERE o.email_key = u.email_key AND c.id < b.id AND c.state NOT IN ('failed', 'dropped')
      AND (e.state IS NULL OR e.state NOT IN ('failed', 'skipped'))
      AND (c.created_at > :after_no AND c.created_at > {_SAID_NO_AT}
           OR c.created_at > :after_bounce AND c.created_at > p.created_at
              AND p.reason IN ('bounced', 'soft bounces', 'invalid')))"""

_NOT_WELCOMED = """
    CASE WHEN p.reason IS NOT NULL THEN 'suppressed'
         WHEN s.state <> 'active' THEN 'stopped'
         WHEN NOT EXISTS (SELECT 1 FROM subscriptions f WHERE f.subscriber_id = s.id AND f.ended_at IS NULL)
              THEN 'nothing followed any more'
         WHEN b.failure_class IN ('unknown', 'worker lost') THEN 'may have come already'
         WHEN EXISTS (SELECT 1 FROM deliveries o JOIN batches c ON c.id = o.batch_id
                      WHERE o.subscriber_id = s.id AND c.mail = 'welcome' AND c.id < b.id
                        AND c.state NOT IN ('failed', 'dropped') AND o.state IS DISTINCT FROM 'skipped'
                        AND NOT EXISTS (SELECT 1 FROM subscription_changes h
                                        WHERE h.subscriber_id = s.id AND h.action = 'stop_all'
                                          AND h.at BETWEEN c.created_at AND b.created_at))
              THEN 'welcomed already'
         -- The letter itself may have been forgotten (expiring.py), that they came is not.
         WHEN EXISTS (SELECT 1 FROM subscription_changes o
                      WHERE o.subscriber_id = s.id AND o.action = 'confirm'
                        AND o.at < b.created_at - CAST(:long AS interval)
                        AND NOT EXISTS (SELECT 1 FROM subscription_changes h
                                        WHERE h.subscriber_id = s.id AND h.action = 'stop_all'
                                          AND h.at BETWEEN o.at AND b.created_at))
              THEN 'came long ago' END"""

_SKIP = f"""
UPDATE deliveries d SET state = 'skipped', reason = x.reason, state_at = :now
FROM (SELECT d.id, CASE
        WHEN COALESCE(u.id, s.id) IS NULL THEN 'erased'
        WHEN p.reason = 'operator' THEN 'suppressed'
        WHEN b.mail = 'confirm' THEN CASE WHEN u.refused_at IS NOT NULL THEN 'refused'
                                          WHEN u.confirmed_at IS NOT NULL THEN 'confirmed'
                                          WHEN b.created_at < :dead THEN 'its link is too old'
                                          WHEN {STOPPED_SINCE} THEN 'stopped since'
                                          WHEN {_ASKED_LATELY} THEN 'said no, and asked once more already' END
        WHEN p.reason IN ('bounced', 'soft bounces', 'invalid') THEN 'suppressed'
        WHEN b.mail = 'welcome' THEN {_NOT_WELCOMED}
        WHEN b.mail = 'stopped' THEN CASE WHEN p.reason IS NOT NULL THEN 'suppressed'
                                          WHEN s.state <> 'stopped' THEN 'not stopped any more'
                                          WHEN EXISTS (SELECT 1 FROM deliveries o JOIN batches c ON c.id = o.batch_id
                                                       WHERE o.subscriber_id = s.id AND c.mail = 'stopped'
                                                         AND c.id < b.id AND c.created_at >= s.stopped_at
                                                         AND o.state IS DISTINCT FROM 'skipped') THEN 'told already' END
        END AS reason
      FROM deliveries d JOIN batches b ON b.id = d.batch_id
      LEFT JOIN sign_ups u ON u.id = d.sign_up_id
      LEFT JOIN subscribers s ON s.id = d.subscriber_id
      LEFT JOIN suppressions p ON p.email_key = COALESCE(u.email_key, s.email_key)
      WHERE d.batch_id = ANY(:ids) AND d.state IS NULL) x
WHERE x.id = d.id AND x.reason IS NOT NULL
"""
