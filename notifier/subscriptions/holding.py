"""Hold a person while something of theirs changes, and keep where their range starts."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, Row, text

from notifier.subscriptions.schedules import hold_schedules

Person = Row[tuple[int, int, int | None, str, datetime | None]]
_PERSON = "SELECT id, schedule_id, resume_position, state, stopped_at FROM subscribers WHERE id = :id"


def hold_person(conn: Connection, subscriber_id: int, *, also: frozenset[int] = frozenset()) -> Person:
    """Lock a person and their schedule (and `also`), schedules first, as planners do.

    Raises LookupError if they have been erased.
    """
    find, lock = text(_PERSON), text(f"{_PERSON} FOR NO KEY UPDATE")
    while person := conn.execute(find, {"id": subscriber_id}).one_or_none():
        hold_schedules(conn, {person.schedule_id, *also})
        attempt = conn.begin_nested()
        held = conn.execute(lock, {"id": subscriber_id}).one_or_none()
        if held and held.schedule_id == person.schedule_id:
            attempt.commit()
            return held
        attempt.rollback()  # moved meanwhile: let go of the person, so that no planner waits for us while we for it
    raise LookupError(f"no subscriber {subscriber_id}")


def hold_people(conn: Connection, subscriber_ids: Sequence[int]) -> list[int]:
    """As `hold_person`, for many: those who are held now. Who is gone, or moves to another schedule this very moment,
    is not among them."""
    bind = {"ids": list(subscriber_ids)}
    find = text("SELECT DISTINCT schedule_id FROM subscribers WHERE id = ANY(:ids)")
    schedules = set(conn.execute(find, bind).scalars())
    hold_schedules(conn, schedules)
    lock = text("SELECT id, schedule_id FROM subscribers WHERE id = ANY(:ids) ORDER BY id FOR NO KEY UPDATE")
    return [row.id for row in conn.execute(lock, bind) if row.schedule_id in schedules]


def keep_range(conn: Connection, subscriber_id: int) -> None:
    """Write down where this person's range starts, before their schedule or set changes."""
    conn.execute(
        text(
            """UPDATE subscribers s SET resume_position = c.covered_to FROM schedules c
               WHERE s.id = :id AND c.id = s.schedule_id AND s.resume_position IS NULL"""
        ),
        {"id": subscriber_id},
    )


def public_id_of(conn: Connection, subscriber_id: int) -> UUID:
    find = text("SELECT public_id FROM subscribers WHERE id = :id")
    public_id: UUID = conn.execute(find, {"id": subscriber_id}).scalar_one()
    return public_id


def id_of(conn: Connection, public_id: object) -> int:
    """Raises LookupError for people who are gone."""
    subscriber_id = conn.execute(
        text("SELECT id FROM subscribers WHERE public_id = :public_id"), {"public_id": public_id}
    ).scalar_one_or_none()
    if subscriber_id is None:
        raise LookupError("no such subscriber")
    return int(subscriber_id)
