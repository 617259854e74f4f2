"""Sign-ups that nobody confirmed do not stay."""

from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from notifier.conditions.forgetting import forget_targets

KEPT_UNCONFIRMED = timedelta(days=14)
"""Seven days in which the link works, and seven in which one button sends a new one."""
CHUNK = 500


def purge_unconfirmed(engine: Engine, *, now: datetime) -> int:
    """Forget sign-ups that nobody confirmed, and the words that only they held; how many it were."""
    purged = 0
    while True:
        with engine.begin() as conn:
            rows = conn.execute(text(_PURGE), {"before": now - KEPT_UNCONFIRMED, "limit": CHUNK}).all()
            forget_targets(conn, {target_id for row in rows for target_id in row.targets})
        purged += len(rows)
        if len(rows) < CHUNK:
            return purged


_PURGE = """
WITH old AS (SELECT u.id, ARRAY(SELECT target_id FROM sign_up_targets w WHERE w.sign_up_id = u.id) AS targets
             FROM sign_ups u WHERE u.confirmed_at IS NULL AND u.requested_at < :before
             ORDER BY u.requested_at LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM sign_ups u USING old WHERE u.id = old.id RETURNING old.targets
"""
