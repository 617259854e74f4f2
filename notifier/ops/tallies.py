"""Counts of what leaves no row of its own, of all processes together."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from threading import Lock

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

Name = tuple[str, str]
"""(what, label); no address, token, study or condition is ever one of them."""


@dataclass(frozen=True)
class Tally:
    """`written_at`: when it last grew. What happened while the database was away is written when it is back."""

    total: int
    written_at: datetime


class Tallies:
    """Counted in memory, and added to the database now and then: a flood of bad calls costs a few statements.

    What a process counted since its last `flush` is lost when it is killed.
    """

    def __init__(self) -> None:
        self._counted: Counter[Name] = Counter()
        self._lock = Lock()

    def add(self, name: str, label: str) -> None:
        with self._lock:
            self._counted[name, label] += 1

    def is_empty(self) -> bool:
        return not self._counted

    def flush(self, engine: Engine, *, now: datetime) -> None:
        """While the database is away, all of it is kept for the next time."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            with engine.begin() as conn:
                _write(conn, counted, now)
        except SQLAlchemyError:
            with self._lock:
                self._counted.update(counted)


def _write(conn: Connection, counted: Mapping[Name, int], now: datetime) -> None:
    rows = sorted(counted.items())  # one order, so that two processes never wait in a circle
    conn.execute(
        text(
            """INSERT INTO tallies AS t (name, label, total, written_at)
               SELECT v.*, :now
               FROM unnest(CAST(:names AS text[]), CAST(:labels AS text[]), CAST(:totals AS bigint[])) v
               ON CONFLICT (name, label) DO UPDATE
               SET total = t.total + EXCLUDED.total, written_at = GREATEST(t.written_at, EXCLUDED.written_at)"""
        ),
        {
            "names": [name for (name, _), _ in rows],
            "labels": [label for (_, label), _ in rows],
            "totals": [total for _, total in rows],
            "now": now,
        },
    )


def tallies(conn: Connection) -> dict[Name, Tally]:
    return {
        (row.name, row.label): Tally(row.total, row.written_at)
        for row in conn.execute(text("SELECT name, label, total, written_at FROM tallies"))
    }
