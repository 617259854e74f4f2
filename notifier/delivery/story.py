"""Why this did or did not go out."""

from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.db.base import Json


def delivery_story(conn: Connection, delivery_id: UUID) -> Json | None:
    """From the run to the feedback, without the address; a letter has no run. None if there is no such delivery."""
    row = conn.execute(
        text(
            """SELECT v.id, v.mail, v.state, v.reason, r.key AS run, r.from_position, r.to_position,
                      COALESCE(r.planned_at, b.created_at) AS planned_at,
                      b.id AS batch, b.state AS batch_state, b.attempts, b.attempted_at, b.provider, b.message_id,
                      b.failure_class, b.next_attempt_at, b.ended_at, b.edition_id AS edition
               FROM delivery_states v JOIN batches b ON b.id = v.batch_id LEFT JOIN runs r ON r.id = v.run_id
               WHERE v.id = :id"""
        ),
        {"id": delivery_id},
    ).one_or_none()
    if row is None:
        return None
    return {**row._mapping, "feedback": _feedback(conn, delivery_id)}


def _feedback(conn: Connection, delivery_id: UUID) -> list[dict[str, Any]]:
    rows = conn.execute(
        text(
            """SELECT kind, reason, occurred_at, received_at FROM feedback_events
               WHERE delivery_id = :id ORDER BY occurred_at, id"""
        ),
        {"id": delivery_id},
    )
    return [dict(row._mapping) for row in rows]


def study_story(conn: Connection, nct_id: str) -> list[Json]:
    """Each event of a study, and what came of it: (targets, editions, people by delivery state)."""
    rows = conn.execute(
        text(
            """SELECT e.id, e.position, e.kind, e.version, e.seen_at,
                      (SELECT count(*) FROM event_targets t WHERE t.event_id = e.id) AS targets,
                      (SELECT count(DISTINCT i.edition_id) FROM edition_items i WHERE i.event_id = e.id) AS editions,
                      (SELECT jsonb_object_agg(state, people) FROM (
                         SELECT v.state, count(*) AS people
                         FROM batches b JOIN delivery_states v ON v.batch_id = b.id
                         WHERE b.edition_id IN (SELECT edition_id FROM edition_items i WHERE i.event_id = e.id)
                         GROUP BY v.state) x) AS deliveries
               FROM change_events e JOIN studies s ON s.id = e.study_id
               WHERE s.nct_id = :nct_id ORDER BY e.id"""
        ),
        {"nct_id": nct_id},
    )
    return [dict(row._mapping) for row in rows]


def person_story(conn: Connection, email_key: bytes) -> list[Json]:
    """Each delivery to one person, the newest first; those to their sign-ups too."""
    rows = conn.execute(
        text(
            """SELECT v.id, v.mail, v.state, v.reason, r.key AS run, COALESCE(r.planned_at, b.created_at) AS planned_at,
                      (SELECT array_agg(DISTINCT i.event_id) FROM edition_items i
                       WHERE i.edition_id = b.edition_id) AS events
               FROM (SELECT d.id FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id
                     WHERE s.email_key = :key
                     UNION SELECT d.id FROM sign_ups g JOIN deliveries d ON d.sign_up_id = g.id
                     WHERE g.email_key = :key) p
               JOIN delivery_states v ON v.id = p.id JOIN batches b ON b.id = v.batch_id
               LEFT JOIN runs r ON r.id = v.run_id
               ORDER BY planned_at DESC, v.id"""
        ),
        {"key": email_key},
    )
    return [dict(row._mapping) for row in rows]
