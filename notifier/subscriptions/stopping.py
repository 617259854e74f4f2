"""Ending everything. It takes no lock that a planner or a sender holds for long: leaving is never delayed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
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
    person = conn.execute(_HOLD, {"public_id": public_id}).one_or_none()
    if person is None:
        return Stopped("unknown")
    if person.state == "stopped":
        return Stopped("already", person.locale)
    conn.execute(_STOP, {"id": person.id, "reason": reason, "now": now})
    note_stopped(public_id)
    return Stopped("stopped", person.locale)


_HOLD = text("SELECT id, state, locale FROM subscribers WHERE public_id = :public_id FOR NO KEY UPDATE")
# One statement, as mail providers post thousands at once. It begins once the person is held, so that it sees all that
# they follow.
_STOP = text(
    f"""WITH ended AS ({END_ALL}), noted AS (
            INSERT INTO subscription_changes (subscriber_id, at, action, via) VALUES (:id, :now, 'stop_all', :reason))
        UPDATE subscribers SET state = 'stopped', stopped_at = :now, audience_id = NULL WHERE id = :id"""
)
