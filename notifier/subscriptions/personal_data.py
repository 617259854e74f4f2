"""Everything held about one person: show it, and erase it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from notifier.db.base import Json
from notifier.subscriptions.holding import hold_person


def export_person(conn: Connection, email_key: bytes) -> Json | None:
    """All that is held, ready for JSON; None if nothing is."""
    kept = {
        "suppression": _first(conn, _SUPPRESSION, email_key),
        "operator_actions": _actions(conn, email_key),
    }
    person = _first(conn, _PERSON, email_key)
    if person is None:
        return {"state": "not subscribed", "subscriptions": [], **kept} if kept["suppression"] else None
    subscriber_id = person.pop("id")
    return {
        **person,
        "subscriptions": _subscriptions(conn, subscriber_id),
        "deliveries": _deliveries(conn, subscriber_id),
        **kept,
    }


_PERSON = """
SELECT s.id, s.public_id, s.email, s.locale, s.titles_in_subject, s.state, s.stopped_at, s.created_at,
       c.frequency, c.zone, c.hour, c.weekday
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id WHERE s.email_key = :key
"""

_SUPPRESSION = "SELECT reason, note, created_at FROM suppressions WHERE email_key = :key"


def _first(conn: Connection, statement: str, email_key: bytes) -> Json | None:
    row = conn.execute(text(statement), {"key": email_key}).one_or_none()
    return _plain(row._mapping) if row else None


def _actions(conn: Connection, email_key: bytes) -> list[Json]:
    rows = conn.execute(
        text("SELECT at, action, note FROM operator_actions WHERE subject = :hash ORDER BY id"),
        {"hash": email_key.hex()},
    )
    return [_plain(row._mapping) for row in rows]


def _subscriptions(conn: Connection, subscriber_id: int) -> list[Json]:
    rows = conn.execute(
        text(
            """SELECT b.public_id, t.kind, t.label AS target, b.reach, b.confirmed_at, b.source,
                      b.ended_at, b.ended_reason
               FROM subscriptions b JOIN targets t ON t.id = b.target_id
               WHERE b.subscriber_id = :id ORDER BY b.id"""
        ),
        {"id": subscriber_id},
    )
    return [_plain(row._mapping) for row in rows]


def _deliveries(conn: Connection, subscriber_id: int) -> list[Json]:
    rows = conn.execute(
        text(
            """SELECT d.id, v.state, v.reason, r.key AS run, r.planned_at, b.ended_at,
                      ARRAY(SELECT DISTINCT t.label FROM edition_items i JOIN targets t ON t.id = i.target_id
                            WHERE i.edition_id = b.edition_id ORDER BY t.label) AS about,
                      ARRAY(SELECT f.kind || ' ' || f.occurred_at FROM feedback_events f
                            WHERE f.delivery_id = d.id ORDER BY f.occurred_at, f.id) AS feedback
               FROM deliveries d JOIN delivery_states v USING (id)
               JOIN batches b ON b.id = d.batch_id JOIN runs r ON r.id = d.run_id
               WHERE d.subscriber_id = :id ORDER BY r.planned_at"""
        ),
        {"id": subscriber_id},
    )
    return [_plain(row._mapping) for row in rows]


def _plain(row: Any) -> Json:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        return value if isinstance(value, str | int | bool | list | None) else str(value)

    return {name: plain(value) for name, value in row.items()}


def erase_person(conn: Connection, email_key: bytes, *, now: datetime) -> bool:
    """Delete a person with all their subscriptions. What stays is the keyed hash on the do-not-mail list, and
    deliveries that no longer point at anybody. False if nothing was held."""
    find = text("SELECT id FROM subscribers WHERE email_key = :key")
    person = conn.execute(find, {"key": email_key}).one_or_none()
    if person is None:
        return False
    try:
        hold_person(conn, person.id)  # a run that is being planned for them would fail for everybody
    except LookupError:
        return False
    conn.execute(text(_FORGET_FEEDBACK), {"id": person.id, "key": email_key})
    conn.execute(text("DELETE FROM subscribers WHERE id = :id"), {"id": person.id})
    conn.execute(
        text(
            """INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, 'erased', :now)
               ON CONFLICT (email_key) DO NOTHING"""
        ),
        {"key": email_key, "now": now},
    )
    return True


# The hash stays on the do-not-mail list: it must lead nowhere from there.
_FORGET_FEEDBACK = """
UPDATE feedback_events SET email_key = NULL, delivery_id = NULL
WHERE delivery_id IN (SELECT id FROM deliveries WHERE subscriber_id = :id) OR kind = 'blocked' AND email_key = :key
"""
