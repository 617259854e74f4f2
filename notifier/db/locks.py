"""Every advisory lock of the database. They share one space of numbers, so all of the numbers stand here."""

from enum import IntEnum, unique

from sqlalchemy import Connection, text


@unique
class Lock(IntEnum):
    """What only one transaction does at a time. A lock is let go when its transaction ends."""

    UPGRADE = 0x6E6F7469
    POSITIONS = 7_301_001
    INTAKE = 7_301_002
    COUNTS = 7_301_003
    EDITIONS = 7_301_004
    MAILBOX = 7_301  # one for each mailbox: `hold_each`
    SIGN_UP = 7_302  # one for each address
    LINKS = 7_303


def hold(conn: Connection, lock: Lock) -> None:
    """Wait until nobody else has it."""
    conn.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": int(lock)})


def share(conn: Connection, lock: Lock) -> None:
    """Many may have it so at once, while nobody holds it."""
    conn.execute(text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": int(lock)})


def hold_if_free(conn: Connection, lock: Lock) -> bool:
    free: bool = conn.execute(
        text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": int(lock)}
    ).scalar_one()
    return free


def hold_each(conn: Connection, lock: Lock, expression: str, bind: dict[str, object]) -> None:
    """One lock for each value of a text `expression` in SQL; two values may share one."""
    conn.execute(
        text(f"SELECT pg_advisory_xact_lock(:lock, hashtext({expression}))"), {**bind, "lock": int(lock)}
    )
