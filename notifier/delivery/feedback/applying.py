"""Apply feedback to deliveries, suppressions and subscriptions, in whatever order it came."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.subscriptions.journal import note_stopped

CHUNK = 5_000
SOFT_BOUNCES = 5
SOFT_BOUNCE_WINDOW = timedelta(days=30)

# A later word of a lower rank never overrides an earlier one of a higher rank: bounces come after deliveries.
_RANK = "CASE {} WHEN 'delivered' THEN 1 WHEN 'dropped' THEN 2 WHEN 'bounced' THEN 3 ELSE 0 END"

_SUPPRESSING = """CASE kind WHEN 'bounce' THEN 'bounced' WHEN 'dropped_bounced' THEN 'bounced'
    WHEN 'dropped_invalid' THEN 'invalid' WHEN 'spamreport' THEN 'complaint' WHEN 'dropped_complaint' THEN 'complaint'
    WHEN 'unsubscribe' THEN 'unsubscribed' WHEN 'group_unsubscribe' THEN 'unsubscribed'
    WHEN 'dropped_unsubscribed' THEN 'unsubscribed' END"""


def apply_feedback(engine: Engine, *, now: datetime) -> int:
    """Apply all that has not been applied; the number of events. Several workers share the work."""
    applied = 0
    while True:
        with engine.begin() as conn:
            count = _apply_chunk(conn, now)
        applied += count
        if count < CHUNK:
            return applied


def _apply_chunk(conn: Connection, now: datetime) -> int:
    conn.execute(text("DROP TABLE IF EXISTS chunk, leaving"))
    count = conn.execute(
        text(
            """CREATE TEMP TABLE chunk ON COMMIT DROP AS
               WITH taken AS (SELECT id FROM feedback_events WHERE applied_at IS NULL
                              ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
               SELECT f.* FROM feedback_events f JOIN taken USING (id)"""
        ),
        {"limit": CHUNK},
    ).rowcount
    if not count:
        return 0
    for statement in (
        _LEAVING,
        _HOLD_PEOPLE,
        _MOVE_DELIVERIES,
        _SUPPRESS,
        _SUPPRESS_SOFT,
        _END_SUBSCRIPTIONS,
        _NOTE,
        _STOP_PEOPLE,
        _APPLIED,
        _COUNT,  # last: others wait for these rows until the commit
    ):
        done = conn.execute(
            text(statement),
            {"now": now, "soft_since": now - SOFT_BOUNCE_WINDOW, "soft_bounces": SOFT_BOUNCES},
        )
        if statement is _STOP_PEOPLE:
            for person in done.scalars():
                note_stopped(person)
    return int(count)


_MOVE_DELIVERIES = f"""
UPDATE deliveries d SET state = x.state, reason = x.reason, state_at = x.occurred_at
FROM (SELECT DISTINCT ON (delivery_id) delivery_id, state, reason, occurred_at
      FROM (SELECT delivery_id, reason, occurred_at,
                   CASE WHEN kind = 'delivered' THEN 'delivered' WHEN kind IN ('bounce', 'blocked') THEN 'bounced'
                        WHEN kind LIKE 'dropped%' THEN 'dropped' END AS state
            FROM chunk WHERE delivery_id IS NOT NULL) c
      WHERE state IS NOT NULL
      ORDER BY delivery_id, {_RANK.format("state")} DESC, occurred_at DESC) x
WHERE d.id = x.delivery_id AND {_RANK.format("d.state")} < {_RANK.format("x.state")}
"""

# Known by the delivery where there is one: the provider may write the address otherwise than the person did.
_SUPPRESS = f"""
INSERT INTO suppressions (email_key, reason, created_at)
SELECT DISTINCT ON (email_key) email_key, reason, CAST(:now AS timestamptz)
FROM (SELECT COALESCE(s.email_key, u.email_key, c.email_key) AS email_key, {_SUPPRESSING} AS reason
      FROM chunk c LEFT JOIN deliveries d ON d.id = c.delivery_id LEFT JOIN subscribers s ON s.id = d.subscriber_id
      LEFT JOIN sign_ups u ON u.id = d.sign_up_id) x
WHERE email_key IS NOT NULL AND reason IS NOT NULL
ORDER BY email_key, reason = 'complaint' DESC
ON CONFLICT (email_key) DO UPDATE SET reason = 'complaint', created_at = EXCLUDED.created_at
WHERE EXCLUDED.reason = 'complaint' AND suppressions.reason NOT IN ('complaint', 'operator')
"""

_SUPPRESS_SOFT = """
INSERT INTO suppressions (email_key, reason, created_at)
SELECT f.email_key, 'soft bounces', CAST(:now AS timestamptz)
FROM feedback_events f
WHERE f.kind = 'blocked' AND f.occurred_at > :soft_since
  AND f.email_key IN (SELECT email_key FROM chunk WHERE kind = 'blocked')
GROUP BY f.email_key HAVING count(*) >= :soft_bounces ORDER BY f.email_key
ON CONFLICT (email_key) DO NOTHING
"""

# A complaint, or an unsubscribe at the provider, ends everything; only a new confirmation brings the person back.
_LEAVING = f"""
CREATE TEMP TABLE leaving ON COMMIT DROP AS
SELECT DISTINCT ON (s.id) s.id, {_SUPPRESSING} AS reason
FROM chunk c LEFT JOIN deliveries d ON d.id = c.delivery_id
JOIN subscribers s ON s.id = d.subscriber_id OR s.email_key = c.email_key
WHERE c.kind IN ('spamreport', 'dropped_complaint', 'unsubscribe', 'group_unsubscribe', 'dropped_unsubscribed')
ORDER BY s.id, {_SUPPRESSING} = 'complaint' DESC
"""

# People before their subscriptions and deliveries, as whoever stops or brings them back does.
_HOLD_PEOPLE = """
SELECT s.id FROM subscribers s JOIN leaving USING (id) ORDER BY s.id FOR NO KEY UPDATE OF s
"""

_END_SUBSCRIPTIONS = """
UPDATE subscriptions b
SET ended_at = :now, ended_reason = l.reason, told_to = COALESCE(s.resume_position, c.covered_to)
FROM leaving l JOIN subscribers s USING (id) JOIN schedules c ON c.id = s.schedule_id
WHERE b.subscriber_id = l.id AND b.ended_at IS NULL
"""

_NOTE = """
INSERT INTO subscription_changes (subscriber_id, at, action, via)
SELECT id, :now, 'stop_all', 'feedback' FROM subscribers JOIN leaving USING (id) WHERE state = 'active'
"""

_STOP_PEOPLE = """
UPDATE subscribers s SET state = 'stopped', stopped_at = :now, audience_id = NULL
FROM leaving l WHERE s.id = l.id AND s.state = 'active' RETURNING s.public_id
"""

# The hash of the address has done its work, but where soft bounces are counted by it.
_APPLIED = """
UPDATE feedback_events f SET applied_at = :now, email_key = CASE WHEN f.kind = 'blocked' THEN f.email_key END
FROM chunk c WHERE c.id = f.id
"""

_COUNT = """
INSERT INTO feedback_hours AS h (hour, kind, digest, events)
SELECT date_trunc('hour', c.received_at), c.kind, d.run_id IS NOT NULL, count(*)
FROM chunk c LEFT JOIN deliveries d ON d.id = c.delivery_id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
ON CONFLICT (hour, kind, digest) DO UPDATE SET events = h.events + EXCLUDED.events
"""
