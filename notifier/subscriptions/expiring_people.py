"""Whoever stopped everything long ago is forgotten, but for what their old mails need.

The keyed hash of the address and the opaque id stay: should the same mailbox sign up again, it is the same person to
the links in every mail that ever went there. All else goes, as with an erasure.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from notifier.conditions.forgetting import forget_targets

CHUNK = 200


def expire_people(engine: Engine, before: datetime, *, now: datetime) -> int:
    """How many of those who stopped before then, or have followed nothing since, were forgotten just now."""
    with engine.begin() as conn:
        found = list(conn.execute(text(_ENDED), {"before": before, "limit": CHUNK}).scalars())
        ids = _hold(conn, found, before)
        targets = conn.execute(text(_TARGETS), {"ids": ids}).scalars().all()
        for statement in _FORGET:
            conn.execute(text(statement), {"ids": ids, "now": now})
        forget_targets(conn, set(targets))
    return len(ids)


def _hold(conn: Connection, ids: Sequence[int], before: datetime) -> list[int]:
    """Sign-ups before people, as erasure takes them. Whom somebody else holds is passed over: nobody waits here."""
    free = conn.execute(
        text("SELECT id FROM sign_ups WHERE subscriber_id = ANY(:ids) ORDER BY id FOR UPDATE SKIP LOCKED"),
        {"ids": ids},
    ).scalars()
    bind = {"ids": ids, "free": list(free), "before": before}
    return list(conn.execute(text(_HELD), bind).scalars())


_IS_OVER = """s.email <> ''
  AND (s.state = 'stopped' AND s.stopped_at < :before
       OR s.state = 'active' AND s.audience_id IS NULL AND s.created_at < :before)
  AND NOT EXISTS (SELECT 1 FROM subscriptions b
                  WHERE b.subscriber_id = s.id AND (b.ended_at IS NULL OR b.ended_at >= :before))"""

# Each branch has a partial index of its own.
_ENDED = f"""
SELECT id FROM (
  SELECT s.id FROM subscribers s WHERE s.state = 'stopped' AND {_IS_OVER}
  UNION ALL SELECT s.id FROM subscribers s WHERE s.state = 'active' AND {_IS_OVER}) x
ORDER BY id LIMIT :limit
"""

_HELD = f"""
SELECT s.id FROM subscribers s
WHERE s.id = ANY(:ids) AND {_IS_OVER}
  AND NOT EXISTS (SELECT 1 FROM sign_ups u WHERE u.subscriber_id = s.id AND u.id <> ALL(:free))
ORDER BY s.id FOR UPDATE OF s SKIP LOCKED
"""

_TARGETS = """
SELECT target_id FROM subscriptions WHERE subscriber_id = ANY(:ids)
UNION SELECT w.target_id FROM sign_up_targets w JOIN sign_ups u ON u.id = w.sign_up_id WHERE u.subscriber_id = ANY(:ids)
"""

_FORGET = (
    "UPDATE deliveries SET subscriber_id = NULL WHERE subscriber_id = ANY(:ids)",
    "DELETE FROM subscription_changes WHERE subscriber_id = ANY(:ids)",
    "DELETE FROM subscriptions WHERE subscriber_id = ANY(:ids)",
    "DELETE FROM sign_ups WHERE subscriber_id = ANY(:ids)",
    """UPDATE subscribers
       SET email = '', locale = 'en', titles_in_subject = false, state = 'stopped',
           stopped_at = COALESCE(stopped_at, :now), audience_id = NULL, resume_position = NULL, partly_told = false,
           ledger_asked_at = NULL, quiet_until = NULL, paused_until = NULL
       WHERE id = ANY(:ids)""",
)
