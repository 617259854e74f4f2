"""Sign-ups that nobody confirmed do not stay."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from notifier.conditions.forgetting import forget_targets

KEPT_AFTER_NO = timedelta(days=30)
"""Of an address whose reader has said no: so that what strangers ask for in its name is known to be one too many."""
CHUNK = 500


def purge_unconfirmed(engine: Engine, before: datetime, *, now: datetime) -> int:
    """Forget sign-ups that nobody confirmed since `before`, and the words that only they held; how many it were."""
    purged = 0
    while True:
        with engine.begin() as conn:
            rows = conn.execute(
                text(_PURGE),
                {"before": before, "no_before": now - KEPT_AFTER_NO, "limit": CHUNK},
            ).all()
            forget_targets(conn, {target_id for row in rows for target_id in row.targets})
        purged += len(rows)
        if len(rows) < CHUNK:
            return purged


_PURGE = """
WITH old AS (SELECT u.id, ARRAY(SELECT target_id FROM sign_up_targets w WHERE w.sign_up_id = u.id) AS targets
             FROM sign_ups u
             WHERE u.confirmed_at IS NULL AND COALESCE(u.renewed_at, u.requested_at) < :before
               AND (COALESCE(u.refused_at, u.renewed_at, u.requested_at) < :no_before
                    OR NOT EXISTS (SELECT 1 FROM sign_ups r
                                   WHERE r.email_key = u.email_key AND r.refused_at IS NOT NULL)
                       AND NOT EXISTS (SELECT 1 FROM suppressions p WHERE p.email_key = u.email_key))
             ORDER BY COALESCE(u.renewed_at, u.requested_at) LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM sign_ups u USING old WHERE u.id = old.id RETURNING old.targets
"""
