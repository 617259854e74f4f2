"""What operators did, and why."""

import re
from datetime import datetime

from sqlalchemy import Connection, text

from notifier.errors import NotifierError

ITSELF = "notifier"
"""The actor where no person decided."""
ERASED = "somebody erased"
"""The subject where it was a person who has been erased: whom it was about is nobody's business any more."""
_ADDRESS = re.compile(r"\S[@＠]\S")


def check_note(note: str) -> None:
    """Raises NotifierError where an address stands in it: the log is kept for good, also once its person is erased."""
    if _ADDRESS.search(note):
        raise NotifierError(
            "There is an address in the note.", "Notes are kept for good: say why, and name nobody."
        )


def note_action(conn: Connection, action: str, subject: str, note: str, *, actor: str, now: datetime) -> int:
    """Its number. Raises NotifierError where the note has an address in it."""
    check_note(note)
    return int(
        conn.execute(
            text(
                """INSERT INTO operator_actions (at, actor, action, subject, note)
                   VALUES (:now, :actor, :action, :subject, :note) RETURNING id"""
            ),
            {"now": now, "actor": actor, "action": action, "subject": subject, "note": note},
        ).scalar_one()
    )


def note_person(
    conn: Connection, action: str, email_key: bytes, note: str, *, actor: str, now: datetime
) -> None:
    """The person is a keyed hash there, and nobody once they are erased."""
    find = text("SELECT 1 FROM suppressions WHERE email_key = :key AND reason = 'erased'")
    erased = conn.execute(find, {"key": email_key}).first() is not None
    note_action(conn, action, ERASED if erased else email_key.hex(), note, actor=actor, now=now)


def forget_subject(conn: Connection, email_key: bytes) -> None:
    """That something was done stays; to whom does not."""
    conn.execute(
        text("UPDATE operator_actions SET subject = :erased WHERE subject = :hash"),
        {"erased": ERASED, "hash": email_key.hex()},
    )
