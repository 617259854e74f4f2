"""Addresses that must not be mailed. Kept as keyed hashes: the list tells nobody who is on it."""

from datetime import datetime

from sqlalchemy import Connection, Row, text


def add(conn: Connection, email_key: bytes, *, note: str, now: datetime) -> bool:
    """Put an address on the list by hand. False if it is there already."""
    added = conn.execute(
        text(
            """INSERT INTO suppressions (email_key, reason, note, created_at) VALUES (:key, 'operator', :note, :now)
               ON CONFLICT (email_key) DO NOTHING"""
        ),
        {"key": email_key, "note": note, "now": now},
    ).rowcount
    return bool(added)


def remove(conn: Connection, email_key: bytes) -> bool:
    """Take an address off the list. It does not start any mail: subscriptions that ended stay ended."""
    removed = conn.execute(
        text("DELETE FROM suppressions WHERE email_key = :key"), {"key": email_key}
    ).rowcount
    return bool(removed)


def listed(conn: Connection, limit: int) -> list[Row[tuple[bytes, str, str | None, datetime]]]:
    """The newest first: (email_key, reason, note, created_at)."""
    return list(
        conn.execute(
            text(
                """SELECT email_key, reason, note, created_at FROM suppressions
                   ORDER BY created_at DESC, email_key LIMIT :limit"""
            ),
            {"limit": limit},
        ).all()
    )
