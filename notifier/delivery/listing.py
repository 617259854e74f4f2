"""Deliveries as operators list them, the newest first, without a walk through the whole ledger."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, text

from notifier.delivery.models import BATCH_STATES, OWN_STATES
from notifier.errors import NotifierError

STATES = tuple(dict.fromkeys((*BATCH_STATES, *OWN_STATES)))


def run_of(conn: Connection, key: str) -> int:
    run_id = conn.execute(text("SELECT id FROM runs WHERE key = :key"), {"key": key}).scalar()
    if run_id is None:
        raise NotifierError(
            f"There is no run {key}.", "`notifier digest run --json` and /ops name runs by their key."
        )
    return int(run_id)


def list_deliveries(
    conn: Connection, *, state: str | None, run: str | None, failure_class: str | None, limit: int
) -> Sequence[Row[Any]]:
    """`state` is one of STATES. A mail of a run that is not a digest is listed by what it is."""
    bind = {
        "limit": limit,
        "run_id": run_of(conn, run) if run is not None else None,
        "class": failure_class,
    }
    return conn.execute(
        text(statement(state, run=run is not None, classed=failure_class is not None)), bind
    ).all()


def statement(state: str | None, *, run: bool, classed: bool) -> str:
    """The state stands in it as a word, for the partial indexes to be found."""
    also = (" AND b.run_id = :run_id" if run else "") + (" AND b.failure_class = :class" if classed else "")
    if state is None:
        picked = _pick("TRUE" + also)
    else:
        assert state in STATES
        parts = []
        if state in BATCH_STATES:
            parts.append(_pick(f"b.state = '{state}' AND d.state IS NULL{also}", by="b.id"))
        if state in OWN_STATES:
            parts.append(_pick(f"d.state = '{state}'{also}"))
        picked = " UNION ALL ".join(parts)
    return f"""
        SELECT d.id, COALESCE(r.key, b.mail) AS run, d.batch_id AS batch, COALESCE(d.state, b.state) AS state,
               b.failure_class AS class, CASE WHEN d.state IS NULL THEN b.reason ELSE d.reason END AS reason
        FROM ({picked}) p JOIN deliveries d ON d.id = p.id JOIN batches b ON b.id = p.batch_id
             LEFT JOIN runs r ON r.id = b.run_id
        ORDER BY d.batch_id DESC, d.id LIMIT :limit"""


def _pick(condition: str, by: str = "d.batch_id") -> str:
    return f"""(SELECT d.id, d.batch_id FROM deliveries d JOIN batches b ON b.id = d.batch_id
                WHERE {condition} ORDER BY {by} DESC LIMIT :limit)"""
