"""A sign of life that has gone through scheduler, broker, worker and database."""

from datetime import datetime

from sqlalchemy import Engine, text


def beat(engine: Engine, *, now: datetime) -> None:
    with engine.begin() as conn:
        conn.execute(
            text(
                """INSERT INTO heartbeats (name, seen_at) VALUES ('worker', :now)
                   ON CONFLICT (name) DO UPDATE SET seen_at = GREATEST(heartbeats.seen_at, EXCLUDED.seen_at)"""
            ),
            {"now": now},
        )


def last_beat(engine: Engine) -> datetime | None:
    with engine.connect() as conn:
        return conn.execute(text("SELECT seen_at FROM heartbeats WHERE name = 'worker'")).scalar_one_or_none()
