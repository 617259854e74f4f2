"""Everything held about one person: show it, and erase it."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from notifier.db.base import Json
from notifier.subscriptions.changing import hold_person


def export_person(conn: Connection, email_key: bytes) -> Json | None:
    """All that is held, ready for JSON; None if nothing is."""
    person = conn.execute(
        text(
            """SELECT s.id, s.public_id, s.email, s.locale, s.titles_in_subject, s.state, s.stopped_at, s.created_at,
                      c.frequency, c.zone, c.hour, c.weekday
               FROM subscribers s JOIN schedules c ON c.id = s.schedule_id WHERE s.email_key = :key"""
        ),
        {"key": email_key},
    ).one_or_none()
    if person is None:
        return None
    data = _plain(person._mapping)
    subscriber_id = data.pop("id")
    return {
        **data,
        "subscriptions": _subscriptions(conn, subscriber_id),
        "deliveries": _deliveries(conn, subscriber_id),
    }


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
            """SELECT d.id, v.state, v.reason, r.key AS run, r.planned_at, b.ended_at
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
        return value if isinstance(value, str | int | bool | None) else str(value)

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
    conn.execute(text("DELETE FROM subscribers WHERE id = :id"), {"id": person.id})
    conn.execute(
        text(
            """INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, 'erased', :now)
               ON CONFLICT (email_key) DO NOTHING"""
        ),
        {"key": email_key, "now": now},
    )
    return True
