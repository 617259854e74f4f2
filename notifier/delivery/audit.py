"""What operators did, and why."""

from datetime import datetime

from sqlalchemy import Connection, text


def note_action(conn: Connection, action: str, subject: str, note: str, *, now: datetime) -> None:
    conn.execute(
        text(
            "INSERT INTO operator_actions (at, action, subject, note) VALUES (:now, :action, :subject, :note)"
        ),
        {"now": now, "action": action, "subject": subject, "note": note},
    )
