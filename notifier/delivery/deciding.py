"""An operator decides about deliveries that ended badly or are in doubt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, text

IN_QUESTION = ("failed", "unknown")
NOT_GONE = ("planned", "retrying", *IN_QUESTION)
"""What can still be given up."""


def batches_in_question(
    conn: Connection, *, state: str | None = None, run_id: int | None = None
) -> Sequence[Row[Any]]:
    """(id, state, people, called_at) of the batches that can be sent again: those that failed and those in doubt, or
    one kind of them, of all runs or of one."""
    assert state is None or state in IN_QUESTION
    run = "" if run_id is None else " AND b.run_id = :run_id"
    kinds = [_OF_STATE.format(state=kind) + run for kind in ((state,) if state else IN_QUESTION)]
    return conn.execute(text(" UNION ALL ".join(kinds) + " ORDER BY id"), {"run_id": run_id}).all()


def as_they_were(conn: Connection, rows: Sequence[Row[Any]]) -> list[int]:
    """Those of these that are in the same state, and were not called since: what an operator was asked about."""
    bind = {name: [getattr(row, name) for row in rows] for name in ("id", "state", "called_at")}
    return list(conn.execute(text(_AS_THEY_WERE), bind).scalars())


_AS_THEY_WERE = """
SELECT b.id FROM batches b
JOIN unnest(CAST(:id AS bigint[]), CAST(:state AS text[]), CAST(:called_at AS timestamptz[])) AS v (id, state, at)
  ON v.id = b.id AND v.state = b.state AND v.at = COALESCE(b.attempted_at, b.created_at)
ORDER BY b.id FOR UPDATE OF b
"""

# The state as a word, so that its partial index is found.
_OF_STATE = """
SELECT b.id, b.state, (SELECT count(*) FROM deliveries d WHERE d.batch_id = b.id AND d.state IS NULL) AS people,
       COALESCE(b.attempted_at, b.created_at) AS called_at
FROM batches b WHERE b.state = '{state}'
"""


def batches_to_drop(conn: Connection, batch_ids: Sequence[int]) -> Sequence[Row[Any]]:
    """(id, state, people) of those among them that can be given up."""
    return _to_drop(conn, NOT_GONE, " AND b.id = ANY(:ids)", ids=list(batch_ids))


def batches_not_gone(
    conn: Connection, *, state: str | None = None, run_id: int | None = None, event_id: int | None = None
) -> Sequence[Row[Any]]:
    """The same of those in this state, of this run, and whose mail tells of this change event."""
    assert state is None or state in NOT_GONE
    run = "" if run_id is None else " AND b.run_id = :run_id"
    event = "" if event_id is None else _TELLS
    return _to_drop(conn, (state,) if state else NOT_GONE, run + event, run_id=run_id, event_id=event_id)


def _to_drop(conn: Connection, states: Sequence[str], which: str, **bind: object) -> Sequence[Row[Any]]:
    kinds = [_OF_STATE.format(state=state) + which for state in states]
    return conn.execute(text(" UNION ALL ".join(kinds) + " ORDER BY id"), bind).all()


_TELLS = " AND b.edition_id IN (SELECT edition_id FROM edition_items WHERE event_id = :event_id)"


def retry_batches(conn: Connection, batch_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Send `unknown` and `failed` batches once more, with fresh attempts; those that were. For an unknown one that
    may be a second mail."""
    return _decide(conn, batch_ids, _RETRY, now)


def drop_batches(conn: Connection, batch_ids: Sequence[int], *, now: datetime) -> list[int]:
    """Give up on `unknown`, `failed`, `planned` and `retrying` batches: they end as `dropped`."""
    return _decide(conn, batch_ids, _DROP, now)


def _decide(conn: Connection, batch_ids: Sequence[int], statement: str, now: datetime) -> list[int]:
    return list(conn.execute(text(statement), {"ids": list(batch_ids), "now": now}).scalars())


_RETRY = """
UPDATE batches SET state = 'retrying', attempts = 0, next_attempt_at = :now, ended_at = NULL
WHERE id = ANY(:ids) AND state IN ('unknown', 'failed') RETURNING id
"""

_DROP = """
UPDATE batches SET state = 'dropped', reason = 'by an operator', ended_at = :now
WHERE id = ANY(:ids) AND state IN ('unknown', 'failed', 'planned', 'retrying') RETURNING id
"""
