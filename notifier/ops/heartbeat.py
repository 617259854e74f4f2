"""Signs of life that have gone through scheduler, broker, worker and database."""

from datetime import datetime

from sqlalchemy import Connection, Engine, text

MAIN_QUEUE = "upkeep"
"""The queue whose tasks are short: a beat that does not come through it has not been held up by work."""


def beat(engine: Engine, *, now: datetime, queue: str = MAIN_QUEUE) -> None:
    with engine.begin() as conn:
        conn.execute(
            text(
                """INSERT INTO heartbeats (name, seen_at) VALUES (:queue, :now)
                   ON CONFLICT (name) DO UPDATE SET seen_at = GREATEST(heartbeats.seen_at, EXCLUDED.seen_at)"""
            ),
            {"queue": queue, "now": now},
        )


def last_beats(conn: Connection) -> dict[str, datetime]:
    """{queue: when}; a queue that was never served is not there."""
    return {row.name: row.seen_at for row in conn.execute(text("SELECT name, seen_at FROM heartbeats"))}


def last_beat(engine: Engine) -> datetime | None:
    with engine.connect() as conn:
        return last_beats(conn).get(MAIN_QUEUE)
