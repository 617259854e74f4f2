"""One person changes what they follow or when they hear of it. Nothing is told twice, nothing is left out.

All raise LookupError for people who are gone. `via` is how it came about (see trail.VIAS).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.registry.positions import head_position
from notifier.subscriptions.audiences import refresh_audiences, touch
from notifier.subscriptions.ending import end_subscription
from notifier.subscriptions.holding import Person, hold_person, keep_range
from notifier.subscriptions.queued import withdraw_queued
from notifier.subscriptions.schedules import Rhythm, ensure_schedules
from notifier.subscriptions.trail import note_change

LONGEST_PAUSE = timedelta(days=366)


def follow(
    conn: Connection, subscriber_id: int, target_id: int, *, reach: int, source: str, via: str, now: datetime
) -> bool:
    """Start a subscription at the head position. False if it stood already."""
    person = hold_person(conn, subscriber_id)
    added = add_subscriptions(conn, person, {target_id: reach}, source=source, now=now)
    note_change(conn, subscriber_id, "follow", via=via, now=now, subscription_ids=added)
    return bool(added)


def add_subscriptions(
    conn: Connection,
    person: Person,
    reaches: Mapping[int, int],
    *,
    source: str,
    now: datetime,
    sign_up_id: int | None = None,
) -> list[int]:
    """The ids of those that are new, for a person who is held. Whoever had stopped is back."""
    head = head_position(conn)
    added = list(
        conn.execute(
            text(_ADD),
            {
                "id": person.id,
                "targets": list(reaches),
                "reaches": list(reaches.values()),
                "head": head,
                "now": now,
                "source": source,
                "sign_up_id": sign_up_id,
            },
        ).scalars()
    )
    if added and person.state == "stopped":
        _come_back(conn, person.id, head, now)
    elif added:
        keep_range(conn, person.id)
    if added:
        touch(conn, [person.id])
        refresh_audiences(conn)
    return added


_ADD = """
INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source, sign_up_id)
SELECT :id, v.target_id, v.reach, :head, :now, :source, :sign_up_id
FROM unnest(CAST(:targets AS int[]), CAST(:reaches AS smallint[])) AS v (target_id, reach) ORDER BY v.target_id
ON CONFLICT (subscriber_id, target_id) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""


def _come_back(conn: Connection, subscriber_id: int, head: int, now: datetime) -> None:
    """A new beginning: what was queued when they stopped stays unsent, as if its claim had come to it."""
    withdraw_queued(conn, [subscriber_id], reason="stopped", now=now)
    conn.execute(
        text(
            """UPDATE subscribers SET state = 'active', stopped_at = NULL, resume_position = :head, partly_told = false
               WHERE id = :id"""
        ),
        {"id": subscriber_id, "head": head},
    )


def unfollow(
    conn: Connection, subscriber_id: int, target_id: int, *, reason: str, via: str, now: datetime
) -> bool:
    hold_person(conn, subscriber_id)
    ended = end_subscription(conn, subscriber_id, target_id, reason=reason, now=now)
    touch(conn, [subscriber_id])
    refresh_audiences(conn)
    note_change(conn, subscriber_id, "stop", via=via, now=now, subscription_ids=ended)
    return bool(ended)


def reschedule(conn: Connection, subscriber_id: int, rhythm: Rhythm, *, via: str, now: datetime) -> None:
    """Change how often or at which local time. The range goes on where it was on the old schedule.

    What waits for somebody who changes to `immediate` is due now, or when the quiet time after their last immediate
    mail ends: `quiet_until` is what makes the schedule due for them.
    """
    schedule_id = ensure_schedules(conn, {rhythm}, head=head_position(conn), now=now)[rhythm]
    person = hold_person(conn, subscriber_id, also=frozenset({schedule_id}))
    if person.schedule_id == schedule_id:
        return
    keep_range(conn, subscriber_id)
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
    note_change(conn, subscriber_id, "frequency", via=via, now=now)


def set_reach(
    conn: Connection, subscriber_id: int, subscription_id: UUID, reach: int, *, via: str, now: datetime
) -> bool:
    """Change how broad one subscription is. False if it is so already, or has ended.

    Wider: what is broader counts from now on. Narrower: what is broader and waits for the next digest is left out.
    """
    hold_person(conn, subscriber_id)
    changed = conn.execute(
        text(
            """UPDATE subscriptions SET reach = :reach, wider_from = :head
               WHERE public_id = :public_id AND subscriber_id = :id AND ended_at IS NULL AND reach <> :reach
               RETURNING id"""
        ),
        {"id": subscriber_id, "public_id": subscription_id, "reach": reach, "head": head_position(conn)},
    ).scalar_one_or_none()
    if changed is None:
        return False
    keep_range(conn, subscriber_id)
    touch(conn, [subscriber_id])
    refresh_audiences(conn)
    note_change(conn, subscriber_id, "reach", via=via, now=now, subscription_ids=[changed])
    return True


def set_titles(conn: Connection, subscriber_id: int, on: bool, *, via: str, now: datetime) -> None:
    """Whether subjects may name a study. It counts for mail that is not yet planned."""
    hold_person(conn, subscriber_id)
    changed = conn.execute(
        text(
            "UPDATE subscribers SET titles_in_subject = :on WHERE id = :id AND titles_in_subject <> :on RETURNING id"
        ),
        {"id": subscriber_id, "on": on},
    ).all()
    if changed:
        note_change(conn, subscriber_id, "titles", via=via, now=now)


def set_locale(conn: Connection, subscriber_id: int, locale: str, *, via: str, now: datetime) -> None:
    """The language of their mails. It counts for mail that is not yet planned."""
    hold_person(conn, subscriber_id)
    changed = conn.execute(
        text("UPDATE subscribers SET locale = :locale WHERE id = :id AND locale <> :locale RETURNING id"),
        {"id": subscriber_id, "locale": locale},
    ).all()
    if changed:
        note_change(conn, subscriber_id, "language", via=via, now=now)


def pause(conn: Connection, subscriber_id: int, until: datetime, *, via: str, now: datetime) -> None:
    """No digest is made before `until`; the first one after it has all that happened. Mail already queued goes.

    Raises ValueError for a moment that has passed or lies further off than a year.
    """
    if not now < until <= now + LONGEST_PAUSE:
        raise ValueError("a pause lasts a year at most, and ends in the future")
    hold_person(conn, subscriber_id)
    keep_range(conn, subscriber_id)
    conn.execute(
        text("UPDATE subscribers SET paused_until = :until WHERE id = :id"),
        {"id": subscriber_id, "until": until},
    )
    note_change(conn, subscriber_id, "pause", via=via, now=now)


def try_address_again(conn: Connection, subscriber_id: int, *, via: str, now: datetime) -> bool:
    """Their mail did not arrive, and they say that it will now. False where that is not why they get none."""
    hold_person(conn, subscriber_id)
    lifted = conn.execute(
        text(
            """DELETE FROM suppressions p USING subscribers s
               WHERE s.id = :id AND p.email_key = s.email_key AND p.reason IN ('bounced', 'soft bounces', 'invalid')
               RETURNING s.id"""
        ),
        {"id": subscriber_id},
    ).all()
    if lifted:
        note_change(conn, subscriber_id, "try_again", via=via, now=now)
    return bool(lifted)


def resume(conn: Connection, subscriber_id: int, *, via: str, now: datetime) -> None:
    """End a pause: what waited is in the next digest, and for `immediate` that is due now."""
    hold_person(conn, subscriber_id)
    ended = conn.execute(
        text(
            "UPDATE subscribers SET paused_until = :now WHERE id = :id AND paused_until > :now RETURNING id"
        ),
        {"id": subscriber_id, "now": now},
    ).all()
    if ended:
        note_change(conn, subscriber_id, "resume", via=via, now=now)
