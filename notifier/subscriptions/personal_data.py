"""Everything held about one person: show it, and erase it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.conditions.forgetting import forget_targets
from notifier.db.base import Json
from notifier.subscriptions.ending import WHY_WITHDRAWN
from notifier.subscriptions.holding import hold_person


def export_person(conn: Connection, email_key: bytes) -> Json | None:
    """All that is held, ready for JSON; None if nothing is."""
    kept = {
        "suppression": _first(conn, _SUPPRESSION, email_key),
        "operator_actions": _actions(conn, email_key),
    }
    person = _first(conn, _PERSON, email_key)
    sign_ups = _rows(conn, _SIGN_UPS, key=email_key)
    if person is None and not sign_ups:
        return {"state": "not subscribed", "subscriptions": [], **kept} if kept["suppression"] else None
    subscriber_id = person.pop("id") if person else None
    return {
        **(person or {"state": "not subscribed"}),
        "subscriptions": _rows(conn, _SUBSCRIPTIONS, id=subscriber_id),
        "sign_ups": sign_ups,
        "changes": _rows(conn, _CHANGES, id=subscriber_id),
        "deliveries": _rows(conn, _DELIVERIES, id=subscriber_id, key=email_key),
        **kept,
    }


_PERSON = """
SELECT s.id, s.public_id, s.email, s.locale, s.titles_in_subject, s.state, s.stopped_at, s.paused_until, s.created_at,
       c.frequency, c.zone, c.hour, c.weekday
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id WHERE s.email_key = :key
"""

_SUPPRESSION = "SELECT reason, note, created_at FROM suppressions WHERE email_key = :key"

_SUBSCRIPTIONS = f"""
SELECT b.public_id, t.kind, t.label AS target, b.reach, b.confirmed_at, b.source, b.ended_at, b.ended_reason,
       {WHY_WITHDRAWN} AS why, (SELECT u.public_id FROM sign_ups u WHERE u.id = b.sign_up_id) AS sign_up
FROM subscriptions b JOIN targets t ON t.id = b.target_id
WHERE b.subscriber_id = :id ORDER BY b.id
"""

# The hashes are of the words as they were shown, so that both sides can prove which ones.
_SIGN_UPS = """
SELECT u.public_id, u.email, u.requested_at, u.renewed_at, u.confirmed_at, u.refused_at, u.frequency, u.zone, u.hour,
       u.weekday, u.locale, u.source, u.terms_version, encode(u.terms_hash, 'hex') AS terms_hash,
       u.health_version, encode(u.health_hash, 'hex') AS health_hash,
       ARRAY(SELECT t.label FROM sign_up_targets w JOIN targets t ON t.id = w.target_id
             WHERE w.sign_up_id = u.id ORDER BY t.kind DESC, t.label) AS about
FROM sign_ups u WHERE u.email_key = :key ORDER BY u.id
"""

_CHANGES = """
SELECT c.at, c.action, c.via, t.label AS about
FROM subscription_changes c
LEFT JOIN subscriptions b ON b.id = c.subscription_id LEFT JOIN targets t ON t.id = b.target_id
WHERE c.subscriber_id = :id ORDER BY c.id
"""

_DELIVERIES = """
SELECT d.id, b.mail, v.state, v.reason, r.key AS run, b.created_at AS planned_at, b.ended_at,
       ARRAY(SELECT DISTINCT t.label FROM edition_items i JOIN targets t ON t.id = i.target_id
             WHERE i.edition_id = b.edition_id ORDER BY t.label) AS about,
       ARRAY(SELECT f.kind || ' ' || f.occurred_at FROM feedback_events f
             WHERE f.delivery_id = d.id ORDER BY f.occurred_at, f.id) AS feedback
FROM (SELECT id FROM deliveries WHERE subscriber_id = :id
      UNION SELECT o.id FROM deliveries o JOIN sign_ups u ON u.id = o.sign_up_id WHERE u.email_key = :key) x
JOIN deliveries d USING (id) JOIN delivery_states v USING (id) JOIN batches b ON b.id = d.batch_id
LEFT JOIN runs r ON r.id = d.run_id
ORDER BY b.created_at, b.id
"""


def _first(conn: Connection, statement: str, email_key: bytes) -> Json | None:
    row = conn.execute(text(statement), {"key": email_key}).one_or_none()
    return _plain(row._mapping) if row else None


def _rows(conn: Connection, statement: str, **bind: Any) -> list[Json]:
    return [_plain(row._mapping) for row in conn.execute(text(statement), bind)]


def _actions(conn: Connection, email_key: bytes) -> list[Json]:
    statement = "SELECT at, action, note FROM operator_actions WHERE subject = :hash ORDER BY id"
    return _rows(conn, statement, hash=email_key.hex())


def _plain(row: Any) -> Json:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return value.isoformat()
        return value if isinstance(value, str | int | bool | list | None) else str(value)

    return {name: plain(value) for name, value in row.items()}


@dataclass(frozen=True, slots=True)
class Erased:
    """What is known of somebody who is gone, for those who hold more of them than the database does."""

    addresses: tuple[str, ...]
    delivery_ids: tuple[UUID, ...]


def erase_person(conn: Connection, email_key: bytes, *, now: datetime) -> Erased | None:
    """Delete a person with all they asked for, and the words that they alone typed. What stays is the keyed hash on
    the do-not-mail list, and deliveries that no longer point at anybody. None if nothing was held."""
    _hold_all(conn, email_key)
    bind = {"key": email_key, "now": now}
    addresses = tuple(conn.execute(text(_ADDRESSES), bind).scalars())
    if not addresses:
        return None
    delivery_ids = tuple(conn.execute(text(_DELIVERY_IDS), bind).scalars())
    target_ids = list(conn.execute(text(_TARGET_IDS), bind).scalars())
    conn.execute(text(_FORGET_FEEDBACK), {**bind, "deliveries": list(delivery_ids)})
    for statement in _DELETE:
        conn.execute(text(statement), bind)
    forget_targets(conn, target_ids)
    return Erased(tuple(filter(None, addresses)), delivery_ids)


def _hold_all(conn: Connection, email_key: bytes) -> None:
    """Sign-ups first, as whoever confirms one does; then the person, as a run that is being planned for them would
    fail for everybody."""
    bind = {"key": email_key}
    conn.execute(text("SELECT id FROM sign_ups WHERE email_key = :key ORDER BY id FOR UPDATE"), bind).all()
    find = text("SELECT id FROM subscribers WHERE email_key = :key")
    while (known := conn.execute(find, bind).scalar_one_or_none()) is not None:
        try:
            hold_person(conn, known)
            # A letter that is just being posted has no foreign key that would find them gone.
            conn.execute(text("SELECT FROM subscribers WHERE id = :id FOR UPDATE"), {"id": known})
            return
        except LookupError:
            continue  # somebody else has erased them


_ADDRESSES = """
SELECT email FROM subscribers WHERE email_key = :key UNION SELECT email FROM sign_ups WHERE email_key = :key
"""

_DELIVERY_IDS = """
SELECT d.id FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id WHERE s.email_key = :key
UNION SELECT d.id FROM deliveries d JOIN sign_ups u ON u.id = d.sign_up_id WHERE u.email_key = :key
"""

_TARGET_IDS = """
SELECT b.target_id FROM subscriptions b JOIN subscribers s ON s.id = b.subscriber_id WHERE s.email_key = :key
UNION SELECT w.target_id FROM sign_up_targets w JOIN sign_ups u ON u.id = w.sign_up_id WHERE u.email_key = :key
"""

# The hash stays on the do-not-mail list: it must lead nowhere from there.
_FORGET_FEEDBACK = """
UPDATE feedback_events SET email_key = NULL, delivery_id = NULL
WHERE delivery_id = ANY(:deliveries) OR kind = 'blocked' AND email_key = :key
"""

_DELETE = (
    """UPDATE deliveries SET subscriber_id = NULL
       WHERE subscriber_id = (SELECT id FROM subscribers WHERE email_key = :key)""",
    "DELETE FROM subscribers WHERE email_key = :key",
    "DELETE FROM sign_ups WHERE email_key = :key",
    "DELETE FROM link_requests WHERE email_key = :key",
    """INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, 'erased', :now)
       ON CONFLICT (email_key) DO UPDATE SET note = NULL""",
)
