"""What a confirmation starts: the person, their rhythm, and what they follow from now on."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from notifier.registry.positions import head_position
from notifier.subscriptions.changing import add_subscriptions, reschedule
from notifier.subscriptions.holding import Person, hold_person
from notifier.subscriptions.schedules import Rhythm, ensure_schedules, hold_schedules
from notifier.subscriptions.trail import note_change

STOPPED_SINCE = """(
    EXISTS (SELECT 1 FROM subscribers h WHERE h.email_key = u.email_key AND h.state = 'stopped'
                                          AND h.stopped_at >= u.requested_at)
    OR EXISTS (SELECT 1 FROM suppressions h WHERE h.email_key = u.email_key AND h.created_at >= u.requested_at
                                              AND h.reason IN ('complaint', 'unsubscribed', 'erased')))"""
"""SQL: whoever asked for sign-up `u` has said no to everything since. That an address bounced is no such word."""


def start_updates(conn: Connection, sign_up: Row[Any], *, now: datetime) -> UUID | None:
    """For a sign-up that is held and open; the public id of the person, who has one row however often they sign up.
    None, and nothing starts, where they stopped everything after they had asked.

    A confirmation is a new consent: it lifts what keeps the address from being mailed, but not what an operator set.
    """
    if _stopped_since(conn, sign_up):
        return None
    rhythm = _rhythm(conn, sign_up)
    schedule_id = ensure_schedules(conn, {rhythm}, head=head_position(conn), now=now)[rhythm]
    person = _person(conn, sign_up, schedule_id, now)
    if _stopped_since(conn, sign_up):  # at this very moment, before the person was held
        return None
    reschedule(conn, person.id, rhythm, via="confirm", now=now)
    wished = conn.execute(
        text("SELECT target_id, reach FROM sign_up_targets WHERE sign_up_id = :id"), {"id": sign_up.id}
    )
    reaches = {row.target_id: row.reach for row in wished}
    source = sign_up.source
    added = add_subscriptions(conn, person, reaches, source=source, now=now, sign_up_id=sign_up.id)
    note_change(conn, person.id, "confirm", via="confirm", now=now, subscription_ids=added or [None])
    for statement in _SEAL:
        bind = {"id": sign_up.id, "key": sign_up.email_key, "person": person.id, "now": now}
        conn.execute(text(statement), {**bind, "locale": sign_up.locale})
    find = text("SELECT public_id FROM subscribers WHERE id = :id")
    public_id: UUID = conn.execute(find, {"id": person.id}).scalar_one()
    return public_id


def _stopped_since(conn: Connection, sign_up: Row[Any]) -> bool:
    find = text(f"SELECT {STOPPED_SINCE} FROM sign_ups u WHERE u.id = :id")
    return bool(conn.execute(find, {"id": sign_up.id}).scalar_one())


_SEAL = (
    "DELETE FROM suppressions WHERE email_key = :key AND reason <> 'operator'",
    "UPDATE sign_ups SET confirmed_at = :now, subscriber_id = :person WHERE id = :id",
    """UPDATE subscribers s SET locale = :locale, email = CASE WHEN s.email = '' THEN u.email ELSE s.email END
       FROM sign_ups u WHERE s.id = :person AND u.id = :id""",
)


def _rhythm(conn: Connection, sign_up: Row[Any]) -> Rhythm:
    """The latest choice of how often is the one that counts. Of whoever gets digests already, hour and zone stay as
    they set them on their own page."""
    wanted = Rhythm.of(sign_up.frequency, sign_up.zone, sign_up.hour, sign_up.weekday)
    present = conn.execute(
        text(
            """SELECT c.frequency, c.zone, c.hour, c.weekday FROM subscribers s JOIN schedules c ON c.id = s.schedule_id
               WHERE s.email_key = :key AND s.state = 'active' AND c.frequency <> 'immediate'"""
        ),
        {"key": sign_up.email_key},
    ).one_or_none()
    if present is None:
        return wanted
    return Rhythm.of(wanted.frequency, present.zone, present.hour, present.weekday or sign_up.weekday)


def _person(conn: Connection, sign_up: Row[Any], schedule_id: int, now: datetime) -> Person:
    """Held, and made where there is none. No run is planned on their schedule meanwhile: one that began before
    would tell them of what came before them."""
    find = text("SELECT id FROM subscribers WHERE email_key = :key")
    while True:
        known = conn.execute(find, {"key": sign_up.email_key}).scalar_one_or_none()
        if known is None:
            hold_schedules(conn, {schedule_id})
            bind = {"email": sign_up.email, "key": sign_up.email_key, "schedule_id": schedule_id, "now": now}
            conn.execute(text(_ADD), {**bind, "head": head_position(conn), "locale": sign_up.locale})
            continue
        try:
            return hold_person(conn, known, also=frozenset({schedule_id}))
        except LookupError:
            continue  # erased meanwhile: a stranger now


_ADD = """
INSERT INTO subscribers (email, email_key, locale, schedule_id, resume_position, created_at)
VALUES (:email, :key, :locale, :schedule_id, :head, :now) ON CONFLICT (email_key) DO NOTHING
"""
