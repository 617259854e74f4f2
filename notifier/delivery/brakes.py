"""Brakes on the whole account: the pauses, the provider's throttle, and the breaker. One more, `away`, is no row that
somebody could delete: it is on for as long as the database is not where it was (notifier/db/copies.py)."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.db.copies import is_home

PROBE_INTERVAL = timedelta(minutes=2)
"""While the breaker is open, one batch is tried this often."""


def claim_limits(conn: Connection, now: datetime, wanted: int) -> tuple[int, int]:
    """How many batches may be claimed now, and how many of them may be digests: all that are wanted, one as a
    probe, or none."""
    if not is_home(conn):
        return 0, 0
    brakes = {row.name: row.until for row in conn.execute(text("SELECT name, until FROM brakes"))}
    if "paused" in brakes or _holds(brakes.get("throttled"), now):
        return 0, 0
    if "breaker" in brakes:
        wanted = min(wanted, _probes(conn, now))
    return wanted, 0 if "unwelcome" in brakes else wanted


def _probes(conn: Connection, now: datetime) -> int:
    probes = conn.execute(
        text("UPDATE brakes SET until = :next WHERE name = 'breaker' AND until <= :now"),
        {"now": now, "next": now + PROBE_INTERVAL},
    ).rowcount
    return int(probes)


def _holds(until: datetime | None, now: datetime) -> bool:
    return until is not None and until > now


def pull(conn: Connection, name: str, reason: str, *, now: datetime, until: datetime | None = None) -> None:
    """Put a brake on, or renew it. `reason` is read by operators: no address, no condition."""
    conn.execute(
        text(
            """INSERT INTO brakes (name, reason, set_at, until) VALUES (:name, :reason, :now, :until)
               ON CONFLICT (name) DO UPDATE SET reason = :reason, until = :until"""
        ),
        {"name": name, "reason": reason, "now": now, "until": until},
    )


def release(conn: Connection, name: str) -> bool:
    return bool(conn.execute(text("DELETE FROM brakes WHERE name = :name"), {"name": name}).rowcount)


def pause_run(conn: Connection, key: str, *, now: datetime) -> bool:
    """Hold back one run. False if there is none with this key."""
    return bool(
        conn.execute(
            text("UPDATE runs SET paused_at = COALESCE(paused_at, :now) WHERE key = :key"),
            {"key": key, "now": now},
        ).rowcount
    )


def resume_run(conn: Connection, key: str) -> bool:
    return bool(
        conn.execute(text("UPDATE runs SET paused_at = NULL WHERE key = :key"), {"key": key}).rowcount
    )


def reason_of(conn: Connection, name: str) -> str | None:
    """None: this brake is off."""
    return conn.execute(text("SELECT reason FROM brakes WHERE name = :name"), {"name": name}).scalar()
