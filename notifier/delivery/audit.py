"""What operators did, and why."""

from datetime import datetime

from sqlalchemy import Connection, text

ITSELF = "notifier"
"""The actor where no person decided."""


def note_action(conn: Connection, action: str, subject: str, note: str, *, actor: str, now: datetime) -> int:
    """Its number. `note` is what the operator wrote: it must name nobody."""
    return int(
        conn.execute(
            text(
                """INSERT INTO operator_actions (at, actor, action, subject, note)
                   VALUES (:now, :actor, :action, :subject, :note) RETURNING id"""
            ),
            {"now": now, "actor": actor, "action": action, "subject": subject, "note": note},
        ).scalar_one()
    )
