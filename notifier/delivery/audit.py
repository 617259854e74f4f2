"""What operators did, and why."""

from datetime import datetime

from sqlalchemy import Connection, text

ITSELF = "notifier"
"""The actor where no person decided."""
ERASED = "somebody erased"
"""The subject where it was a person who has been erased: whom it was about is nobody's business any more."""


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


def forget_subject(conn: Connection, email_key: bytes) -> None:
    """That something was done stays; to whom does not."""
    conn.execute(
        text("UPDATE operator_actions SET subject = :erased WHERE subject = :hash"),
        {"erased": ERASED, "hash": email_key.hex()},
    )
