"""Who of a claimed batch must not be mailed, as things stand now: gone, suppressed, or stopped since."""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, text


def skip_unwanted(conn: Connection, batch_ids: list[int], now: datetime) -> None:
    """Whoever has stopped may be undoing it this very moment: that is looked at once more, under their lock. So an
    undo sees either that the mail was skipped, and tells it later, or we see that they are back, and send it."""
    rows = conn.execute(text(_UNWANTED), {"ids": batch_ids}).all()
    if not rows:
        return
    stopped = _held_stopped(conn, {row.subscriber_id for row in rows if row.reason == "stopped"})
    reasons = {row.id: row.reason for row in rows if row.reason != "stopped" or row.subscriber_id in stopped}
    conn.execute(
        text(
            """UPDATE deliveries d SET state = 'skipped', reason = v.reason, state_at = :now
               FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[])) AS v (id, reason)
               WHERE d.id = v.id AND d.state IS NULL"""
        ),
        {"ids": list(reasons), "reasons": list(reasons.values()), "now": now},
    )


def _held_stopped(conn: Connection, subscriber_ids: Collection[int]) -> set[int]:
    """In the order of their ids, so that two claims at once never wait in a circle."""
    if not subscriber_ids:
        return set()
    return set(
        conn.execute(
            text(
                """SELECT id FROM subscribers
                   WHERE id = ANY(:ids) AND (state <> 'active' OR audience_id IS NULL) ORDER BY id FOR SHARE"""
            ),
            {"ids": list(subscriber_ids)},
        ).scalars()
    )


ENDED_BY_US = """s.audience_id IS NULL AND COALESCE((
    SELECT u.ended_reason = 'withdrawn' FROM subscriptions u WHERE u.subscriber_id = s.id
    ORDER BY u.ended_at DESC NULLS LAST, u.ended_reason = 'withdrawn' LIMIT 1), false)"""
"""SQL: `s` follows nothing any more, and the last that they followed was withdrawn by an operator."""

# They may still be told why. Whoever stopped the last themselves was told that no more mail would come.
LEFT_BY_US = f"(b.mail = 'correction' AND {ENDED_BY_US})"

_UNWANTED = f"""
SELECT * FROM (
  SELECT d.id, d.subscriber_id, CASE WHEN s.id IS NULL THEN 'erased'
                                     WHEN p.email_key IS NOT NULL THEN 'suppressed'
                                     WHEN s.state <> 'active' THEN 'stopped'
                                     WHEN s.audience_id IS NULL AND NOT {LEFT_BY_US} THEN 'stopped' END AS reason
  FROM deliveries d JOIN batches b ON b.id = d.batch_id LEFT JOIN subscribers s ON s.id = d.subscriber_id
  LEFT JOIN suppressions p ON p.email_key = s.email_key
  WHERE d.batch_id = ANY(:ids) AND d.state IS NULL) x
WHERE reason IS NOT NULL
"""
