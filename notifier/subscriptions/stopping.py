"""Ending everything. It takes no lock that a planner or a sender holds for long: leaving is never delayed."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.subscriptions.ending import end_subscriptions
from notifier.subscriptions.trail import note_change

StopResult = Literal["stopped", "already", "unknown"]


def stop_all(conn: Connection, public_id: UUID, *, reason: str, now: datetime) -> StopResult:
    """End every subscription of this person at once; mail already queued is skipped by its claim.

    `reason` is one of one_click, page, manage, import, operator. Repeating it changes nothing.
    """
    person = conn.execute(
        text("SELECT id, state FROM subscribers WHERE public_id = :public_id FOR NO KEY UPDATE"),
        {"public_id": public_id},
    ).one_or_none()
    if person is None:
        return "unknown"
    if person.state == "stopped":
        return "already"
    end_subscriptions(conn, person.id, target_id=None, reason=reason, now=now)
    conn.execute(
        text(
            "UPDATE subscribers SET state = 'stopped', stopped_at = :now, audience_id = NULL WHERE id = :id"
        ),
        {"id": person.id, "now": now},
    )
    note_change(conn, person.id, "stop_all", via=reason, now=now)
    return "stopped"


def address_of(conn: Connection, public_id: UUID) -> str | None:
    return conn.execute(
        text("SELECT email FROM subscribers WHERE public_id = :public_id"), {"public_id": public_id}
    ).scalar_one_or_none()
