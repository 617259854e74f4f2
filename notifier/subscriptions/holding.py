"""Hold a person while something of theirs changes, and keep where their range starts."""

from datetime import datetime

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


def keep_range(conn: Connection, subscriber_id: int) -> None:
    """Write down where this person's range starts, before their schedule or set changes."""
    conn.execute(
        text(
            """UPDATE subscribers s SET resume_position = c.covered_to FROM schedules c
               WHERE s.id = :id AND c.id = s.schedule_id AND s.resume_position IS NULL"""
        ),
        {"id": subscriber_id},
    )


def id_of(conn: Connection, public_id: object) -> int:
    """Raises LookupError for people who are gone."""
    subscriber_id = conn.execute(
        text("SELECT id FROM subscribers WHERE public_id = :public_id"), {"public_id": public_id}
    ).scalar_one_or_none()
    if subscriber_id is None:
        raise LookupError("no such subscriber")
    return int(subscriber_id)
