"""Counts of what leaves no row of its own, of all processes together."""

from collections import Counter
from collections.abc import Mapping
from threading import Lock

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

Name = tuple[str, str]
"""(what, label); no address, token, study or condition is ever one of them."""


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

    def flush(self, engine: Engine) -> None:
        """While the database is away, all of it is kept for the next time."""
        with self._lock:
            counted, self._counted = self._counted, Counter()
        if not counted:
            return
        try:
            with engine.begin() as conn:
                _write(conn, counted)
        except SQLAlchemyError:
            with self._lock:
                self._counted.update(counted)


def _write(conn: Connection, counted: Mapping[Name, int]) -> None:
    rows = sorted(counted.items())  # one order, so that two processes never wait in a circle
    conn.execute(
        text(
            """INSERT INTO tallies AS t (name, label, total)
               SELECT * FROM unnest(CAST(:names AS text[]), CAST(:labels AS text[]), CAST(:totals AS bigint[]))
               ON CONFLICT (name, label) DO UPDATE SET total = t.total + EXCLUDED.total"""
        ),
        {
            "names": [name for (name, _), _ in rows],
            "labels": [label for (_, label), _ in rows],
            "totals": [total for _, total in rows],
        },
    )


def tallies(conn: Connection) -> dict[Name, int]:
    return {(row.name, row.label): row.total for row in conn.execute(text("SELECT * FROM tallies"))}
