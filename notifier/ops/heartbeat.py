"""Signs of life that have gone through scheduler, broker, worker and database."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

PROMPT = "prompt"  # letters: somebody waits for them, so a process of its own waits for nothing else
BUILD = "build"  # planning: a large run takes seconds
SEND = "send"  # provider calls: they wait for somebody else
UPKEEP = "upkeep"  # short, and what repairs the rest: it must not wait behind either
QUEUES = (PROMPT, BUILD, SEND, UPKEEP)
MAIN_QUEUE = UPKEEP
"""A beat that does not come through it has not been held up by work."""
POLL_ASKED, POLL = "poll asked", "poll"
"""Somebody has begun to ask the registry; it was read to the end."""
POLL_OVERDUE, POLL_GIVEN_UP = timedelta(days=3), timedelta(days=30)
"""It is to be asked every day. Who has not asked for a month has the site push instead."""
FUTURE = timedelta(minutes=5)
"""What was seen later than this from now was written by a clock that is wrong."""


def beat(engine: Engine, *, now: datetime, name: str = MAIN_QUEUE) -> None:
    """Of a queue, or of a poll. One that comes a little late does not turn the clock back; one of the future would hide
    silence."""
    with engine.begin() as conn:
        conn.execute(
            text(
                """INSERT INTO heartbeats AS h (name, seen_at) VALUES (:name, :now)
                   ON CONFLICT (name) DO UPDATE
                   SET seen_at = CASE WHEN h.seen_at > :future THEN :now ELSE GREATEST(h.seen_at, :now) END"""
            ),
            {"name": name, "now": now, "future": now + FUTURE},
        )


def last_beats(conn: Connection) -> dict[str, datetime]:
    """{queue: when}; a queue that was never served is not there."""
    every = text("SELECT name, seen_at FROM heartbeats WHERE name <> ALL(:polls)")
    return {row.name: row.seen_at for row in conn.execute(every, {"polls": [POLL, POLL_ASKED]})}


def last_polls(conn: Connection) -> dict[str, datetime]:
    """{POLL or POLL_ASKED: when}; what never was is not there."""
    find = text("SELECT name, seen_at FROM heartbeats WHERE name = ANY(:polls)")
    return {row.name: row.seen_at for row in conn.execute(find, {"polls": [POLL, POLL_ASKED]})}
