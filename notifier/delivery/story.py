"""Why this did or did not go out."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.db.base import Json
from notifier.delivery.listing import MASKED
from notifier.subscriptions.former_ids import present_id

MOST_EVENTS = 100  # of one edition, or of one study


def delivery_story(conn: Connection, delivery_id: UUID) -> Json | None:
    """From the event to the feedback, with the address masked; a letter has neither run nor events. None if there
    is no such delivery."""
    row = conn.execute(text(_DELIVERY), {"id": delivery_id}).one_or_none()
    if row is None:
        return None
    return {
        **row._mapping,
        "events": _rows(conn, _EVENTS, edition=row.edition, delivery=delivery_id, most=MOST_EVENTS),
        "history": _rows(conn, _HISTORY, batch=row.batch),
        "feedback": _rows(conn, _FEEDBACK, id=delivery_id),
    }


def study_story(conn: Connection, nct_id: str) -> list[Json]:
    """Each event of a study, and what came of it: (targets, editions, people by delivery state). `accepted` are
    also those that were delivered: to tell them apart, all their rows would have to be read."""
    return _rows(conn, _STUDY, nct_id=present_id(conn, nct_id), most=MOST_EVENTS)


def person_story(conn: Connection, email_key: bytes) -> list[Json]:
    """Each delivery to one person, the newest first; those to their sign-ups too."""
    return _rows(conn, _PERSON, key=email_key)


def _rows(conn: Connection, statement: str, **bind: Any) -> list[Json]:
    return [dict(row._mapping) for row in conn.execute(text(statement), bind)]


_DELIVERY = f"""
SELECT d.id, b.mail, COALESCE(d.state, b.state) AS state, CASE WHEN d.state IS NULL THEN b.reason ELSE d.reason END
         AS reason, d.state_at, r.key AS run, r.from_position, r.to_position,
       COALESCE(r.planned_at, b.created_at) AS planned_at, r.paused_at,
       b.id AS batch, b.size, b.state AS batch_state, b.attempts, b.attempted_at, b.called_at, b.provider, b.message_id,
       b.failure_class, b.next_attempt_at, b.ended_at, b.edition_id AS edition, {MASKED} AS address
FROM deliveries d JOIN batches b ON b.id = d.batch_id LEFT JOIN runs r ON r.id = b.run_id
LEFT JOIN subscribers s ON s.id = d.subscriber_id LEFT JOIN sign_ups g ON g.id = d.sign_up_id
WHERE d.id = :id
"""

# With what this person follows, and since when, where that is still known.
_EVENTS = """
SELECT e.id, e.position, s.nct_id, e.kind, e.version, e.seen_at,
       ARRAY(SELECT c ->> 'field' FROM jsonb_array_elements(e.changes) c) AS fields,
       jsonb_agg(jsonb_build_object('kind', t.kind, 'label', t.label, 'evidence', i.evidence,
                                    'since', u.confirmed_at, 'ended', u.ended_at) ORDER BY t.kind, t.label) AS targets
FROM edition_items i JOIN change_events e ON e.id = i.event_id JOIN studies s ON s.id = e.study_id
JOIN targets t ON t.id = i.target_id
LEFT JOIN LATERAL (SELECT u.confirmed_at, u.ended_at FROM subscriptions u JOIN deliveries d
                     ON d.subscriber_id = u.subscriber_id
                   WHERE d.id = :delivery AND u.target_id = i.target_id ORDER BY u.id DESC LIMIT 1) u ON true
WHERE i.edition_id = :edition GROUP BY e.id, s.nct_id ORDER BY e.position LIMIT :most
"""

_HISTORY = """
SELECT h.at, h.what, h.attempt, h.reason, a.actor, a.note
FROM batch_history h LEFT JOIN operator_actions a ON a.id = h.action_id WHERE h.batch_id = :batch ORDER BY h.id
"""

_FEEDBACK = """
SELECT kind, reason, occurred_at, received_at FROM feedback_events WHERE delivery_id = :id ORDER BY occurred_at, id
"""

# By the sizes of batches: an event may have gone to a million people.
_STUDY = """
WITH events AS MATERIALIZED (
  SELECT e.* FROM change_events e JOIN studies s ON s.id = e.study_id
  WHERE s.nct_id = :nct_id ORDER BY e.id DESC LIMIT :most),
told_in AS MATERIALIZED (
  SELECT DISTINCT i.event_id, i.edition_id FROM events e JOIN edition_items i ON i.event_id = e.id),
mail AS MATERIALIZED (
  SELECT t.event_id, b.id, b.state, b.size FROM told_in t JOIN batches b ON b.edition_id = t.edition_id),
alone AS (
  SELECT batch_id, state, count(*) AS people FROM (
    SELECT batch_id, state FROM deliveries WHERE state IN ('skipped', 'failed')
    UNION ALL SELECT batch_id, state FROM deliveries
              WHERE state IN ('failed', 'bounced', 'dropped') AND state <> 'failed') d
  WHERE batch_id IN (SELECT id FROM mail) GROUP BY 1, 2),
people AS (
  SELECT event_id, state, sum(people)::bigint AS people FROM (
    SELECT event_id, state, size AS people FROM mail
    UNION ALL SELECT m.event_id, m.state, -a.people FROM mail m JOIN alone a ON a.batch_id = m.id
    UNION ALL SELECT m.event_id, a.state, a.people FROM mail m JOIN alone a ON a.batch_id = m.id) x
  GROUP BY 1, 2 HAVING sum(people) > 0)
SELECT e.id, e.position, e.kind, e.version, e.seen_at,
       ARRAY(SELECT c ->> 'field' FROM jsonb_array_elements(e.changes) c) AS fields,
       (SELECT count(*) FROM event_targets t WHERE t.event_id = e.id) AS targets,
       (SELECT count(*) FROM told_in t WHERE t.event_id = e.id) AS editions,
       (SELECT jsonb_object_agg(p.state, p.people) FROM people p WHERE p.event_id = e.id) AS deliveries
FROM events e ORDER BY e.id DESC
"""

# Ids first, as arrays: statistics cannot tell how few mails belong to sign-ups, and a join would read all there are.
_PERSON = """
SELECT v.id, v.mail, v.state, v.reason, r.key AS run, COALESCE(r.planned_at, b.created_at) AS planned_at,
       (SELECT array_agg(DISTINCT i.event_id) FROM edition_items i WHERE i.edition_id = b.edition_id) AS events
FROM delivery_states v JOIN batches b ON b.id = v.batch_id LEFT JOIN runs r ON r.id = v.run_id
WHERE v.id = ANY(
  ARRAY(SELECT id FROM deliveries
        WHERE subscriber_id = ANY(ARRAY(SELECT id FROM subscribers WHERE email_key = :key)))
  || ARRAY(SELECT id FROM deliveries WHERE sign_up_id = ANY(ARRAY(SELECT id FROM sign_ups WHERE email_key = :key))))
ORDER BY planned_at DESC, v.id
"""
