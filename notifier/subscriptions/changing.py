"""One person changes what they follow or when they hear of it. Nothing is told twice, nothing is left out."""

from datetime import datetime

from sqlalchemy import Connection, Row, text

from notifier.registry.positions import head_position
from notifier.subscriptions.audiences import refresh_audiences, touch
from notifier.subscriptions.schedules import Rhythm, ensure_schedules, hold_schedules

Person = Row[tuple[int, int, int | None, str]]


def hold_person(conn: Connection, subscriber_id: int, *, also: frozenset[int] = frozenset()) -> Person:
    """Lock a person and their schedule (and `also`), schedules first, as planners do.

    Raises LookupError if they have been erased.
    """
    find = text("SELECT id, schedule_id, resume_position, state FROM subscribers WHERE id = :id")
    lock = text(
        "SELECT id, schedule_id, resume_position, state FROM subscribers WHERE id = :id FOR NO KEY UPDATE"
    )
    while person := conn.execute(find, {"id": subscriber_id}).one_or_none():
        hold_schedules(conn, {person.schedule_id, *also})
        attempt = conn.begin_nested()
        held = conn.execute(lock, {"id": subscriber_id}).one_or_none()
        if held and held.schedule_id == person.schedule_id:
            attempt.commit()
            return held
        attempt.rollback()  # moved meanwhile: let go of the person, so that no planner waits for us while we for it
    raise LookupError(f"no subscriber {subscriber_id}")


def follow(
    conn: Connection, subscriber_id: int, target_id: int, *, reach: int, source: str, now: datetime
) -> bool:
    """Start a subscription at the head position. False if it stood already."""
    hold_person(conn, subscriber_id)
    head = head_position(conn)
    added = conn.execute(
        text(
            """INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
               VALUES (:id, :target_id, :reach, :head, :now, :source)
               ON CONFLICT (subscriber_id, target_id) WHERE ended_at IS NULL DO NOTHING"""
        ),
        {
            "id": subscriber_id,
            "target_id": target_id,
            "reach": reach,
            "head": head,
            "now": now,
            "source": source,
        },
    ).rowcount
    if not added:
        return False
    _keep_range(conn, subscriber_id)
    conn.execute(
        text(
            "UPDATE subscribers SET state = 'active', stopped_at = NULL WHERE id = :id AND state = 'stopped'"
        ),
        {"id": subscriber_id},
    )
    touch(conn, [subscriber_id])
    refresh_audiences(conn)
    return True


def unfollow(conn: Connection, subscriber_id: int, target_id: int, *, reason: str, now: datetime) -> bool:
    hold_person(conn, subscriber_id)
    ended = conn.execute(
        text(
            """UPDATE subscriptions SET ended_at = :now, ended_reason = :reason
               WHERE subscriber_id = :id AND target_id = :target_id AND ended_at IS NULL"""
        ),
        {"id": subscriber_id, "target_id": target_id, "now": now, "reason": reason},
    ).rowcount
    touch(conn, [subscriber_id])
    refresh_audiences(conn)
    return bool(ended)


def reschedule(conn: Connection, subscriber_id: int, rhythm: Rhythm, *, now: datetime) -> None:
    """Change how often or at which local time. The range goes on where it was on the old schedule.

    What waits for somebody who changes to `immediate` is due now, or when the quiet time after their last immediate
    mail ends: `quiet_until` is what makes the schedule due for them.
    """
    schedule_id = ensure_schedules(conn, {rhythm}, head=head_position(conn), now=now)[rhythm]
    person = hold_person(conn, subscriber_id, also=frozenset({schedule_id}))
    if person.schedule_id == schedule_id:
        return
    _keep_range(conn, subscriber_id)
    conn.execute(
        text(
            """UPDATE subscribers
               SET schedule_id = :schedule_id,
                   quiet_until = CASE WHEN :immediate THEN GREATEST(quiet_until, :now) ELSE quiet_until END
               WHERE id = :id"""
        ),
        {
            "id": subscriber_id,
            "schedule_id": schedule_id,
            "immediate": rhythm.frequency == "immediate",
            "now": now,
        },
    )


def _keep_range(conn: Connection, subscriber_id: int) -> None:
    """Write down where this person's range starts, before their schedule or set changes."""
    conn.execute(
        text(
            """UPDATE subscribers s SET resume_position = c.covered_to FROM schedules c
               WHERE s.id = :id AND c.id = s.schedule_id AND s.resume_position IS NULL"""
        ),
        {"id": subscriber_id},
    )
