"""Ending everything. It takes no lock that a planner or a sender holds for long: leaving is never delayed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.subscriptions.ending import END_ALL
from notifier.subscriptions.journal import note_stopped

StopResult = Literal["stopped", "already", "unknown"]


@dataclass(frozen=True, slots=True)
class Stopped:
    """`locale` is that of the person; "" where it is not known."""

    result: StopResult
    locale: str = ""


def stop_all(conn: Connection, public_id: UUID, *, reason: str, now: datetime) -> StopResult:
    """End every subscription of this person at once; mail already queued is skipped by its claim.

    `reason` is one of one_click, page, manage, import, operator. Repeating it changes nothing.
    """
    return stop_person(conn, public_id, reason=reason, now=now).result


def stop_person(conn: Connection, public_id: UUID, *, reason: str, now: datetime) -> Stopped:
    """As `stop_all`, for who is to be answered."""
    held = conn.execute(_HOLD, {"public_ids": [public_id]}).all()
    return _stop(conn, held, reason, now).get(public_id, Stopped("unknown"))


def stop_free(
    conn: Connection, public_ids: Sequence[UUID], *, reason: str, now: datetime
) -> dict[UUID, Stopped]:
    """Many at once, as mail providers post thousands. Without those whom somebody else holds."""
    bind = {"public_ids": list(public_ids)}
    stopped = _stop(conn, conn.execute(_HOLD_FREE, bind).all(), reason, now)
    if len(stopped) < len(public_ids):
        known = set(conn.execute(_KNOWN, bind).scalars())
        stopped |= {one: Stopped("unknown") for one in public_ids if one not in known}
    return stopped


def _stop(conn: Connection, held: Sequence[Any], reason: str, now: datetime) -> dict[UUID, Stopped]:
    active = [person for person in held if person.state != "stopped"]
    if active:
        conn.execute(_STOP, {"ids": [person.id for person in active], "reason": reason, "now": now})
    for person in active:
        note_stopped(person.public_id)
    return {
        person.public_id: Stopped("already" if person.state == "stopped" else "stopped", person.locale)
        for person in held
    }


_PEOPLE = "SELECT id, public_id, state, locale FROM subscribers WHERE public_id = ANY(:public_ids)"
_KNOWN = text("SELECT public_id FROM subscribers WHERE public_id = ANY(:public_ids)")
_HOLD = text(f"{_PEOPLE} FOR NO KEY UPDATE")
_HOLD_FREE = text(f"{_PEOPLE} FOR NO KEY UPDATE SKIP LOCKED")
# It begins once they are held, so that it sees all that they follow.
_STOP = text(
    f"""WITH ended AS ({END_ALL}), noted AS (
            INSERT INTO subscription_changes (subscriber_id, at, action, via)
            SELECT id, :now, 'stop_all', :reason FROM unnest(CAST(:ids AS bigint[])) id)
        UPDATE subscribers SET state = 'stopped', stopped_at = :now, audience_id = NULL WHERE id = ANY(:ids)"""
)
