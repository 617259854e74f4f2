"""Change events that nobody can be told any more give up what they say."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.subscriptions.ending import UNDO_PERIOD

CHUNK = 1_000
MARGIN = timedelta(days=1)


def told_everybody(conn: Connection, *, now: datetime) -> int:
    """The position up to which nobody's next digest can reach back, also after an undo."""
    return int(conn.execute(text(_TOLD_EVERYBODY), {"undo_since": now - UNDO_PERIOD - MARGIN}).scalar_one())


_TOLD_EVERYBODY = """
SELECT COALESCE(LEAST(
  (SELECT min(covered_to) FROM schedules),
  (SELECT min(resume_position) FROM subscribers WHERE resume_position IS NOT NULL AND state = 'active'),
  (SELECT min(told_to) FROM subscriptions WHERE ended_at > :undo_since)), 0)
"""


def empty_events(engine: Engine, before: datetime, up_to: int) -> int:
    """Their rows stay, a hundred bytes each: that a version was told once is never forgotten, and positions have no
    gaps."""
    with engine.begin() as conn:
        ids = list(
            conn.execute(text(_OLD), {"before": before, "up_to": up_to, "limit": CHUNK}).scalars().all()
        )
        conn.execute(text("DELETE FROM event_targets WHERE event_id = ANY(:ids)"), {"ids": ids})
        conn.execute(
            text("UPDATE change_events SET changes = '[]', study = '{}' WHERE id = ANY(:ids)"), {"ids": ids}
        )
    return len(ids)


# Those that are empty have no targets: the first that has some is where to begin.
_OLD = """
SELECT e.id FROM change_events e
WHERE e.id >= (SELECT min(event_id) FROM event_targets) AND e.position <= :up_to AND e.seen_at < :before
  AND EXISTS (SELECT 1 FROM event_targets t WHERE t.event_id = e.id)
  AND NOT EXISTS (SELECT 1 FROM edition_items i WHERE i.event_id = e.id)
ORDER BY e.id LIMIT :limit FOR UPDATE SKIP LOCKED
"""
