"""Deliveries as operators list them, the newest first, without a walk through the whole ledger."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from notifier.delivery.models import BATCH_STATES, MAILS, OF_RUNS, OWN_STATES
from notifier.errors import NotifierError

STATES = tuple(dict.fromkeys((*BATCH_STATES, *OWN_STATES)))
CLASSED = ("retrying", "unknown", "failed", "dropped")
"""Batches whose last call did not go well: only they have a failure class."""
Place = tuple[int, UUID]
"""A batch and a delivery in it."""


def run_of(conn: Connection, key: str) -> int:
    run_id = conn.execute(text("SELECT id FROM runs WHERE key = :key"), {"key": key}).scalar()
    if run_id is None:
        raise no_run(key)
    return int(run_id)


def no_run(key: str) -> NotifierError:
    return NotifierError(
        f"There is no run {key}.", "`notifier digest run --json` and /ops/runs name runs by their key."
    )


def list_deliveries(
    conn: Connection,
    *,
    state: str | None,
    run: str | None,
    failure_class: str | None,
    limit: int,
    mail: str | None = None,
    after: Place | None = None,
) -> Sequence[Row[Any]]:
    """`state` is one of STATES, `mail` one of MAILS. `after` is the last one of the page before. A mail of a run
    that is not a digest is listed by what it is; addresses are masked, and those of erased people are NULL."""
    bind: dict[str, Any] = {"limit": limit, "class": failure_class}
    if run is not None:
        bind["run_id"] = run_of(conn, run)
    if after:
        bind["batch"], bind["delivery"] = after
    wanted = statement(
        state, run=run is not None, classed=failure_class is not None, mail=mail, further=after is not None
    )
    return conn.execute(text(wanted), bind).all()


def statement(
    state: str | None, *, run: bool, classed: bool, mail: str | None = None, further: bool = False
) -> str:
    """State and mail stand in it as words, for the partial indexes to be found."""
    assert state is None or state in STATES
    assert mail is None or mail in MAILS
    also = "".join(
        (
            " AND b.run_id = :run_id" if run else "",
            " AND b.failure_class = :class" if classed else "",
            _of_mail(mail) if mail else "",
            " AND d.batch_id <= :batch AND (d.batch_id < :batch OR d.id > :delivery)" if further else "",
        )
    )
    states = (state,) if state else CLASSED if classed else ()
    picked = [_pick(one + also) for state in states for one in _conditions(state)]
    return f"""
        SELECT d.id, COALESCE(r.key, b.mail) AS run, d.batch_id AS batch, COALESCE(d.state, b.state) AS state,
               b.failure_class AS class, CASE WHEN d.state IS NULL THEN b.reason ELSE d.reason END AS reason,
               b.mail, {MASKED} AS address, b.attempts, COALESCE(r.planned_at, b.created_at) AS planned_at
        FROM ({" UNION ALL ".join(picked or [_pick("TRUE" + also)])}) p
        JOIN deliveries d ON d.id = p.id JOIN batches b ON b.id = p.batch_id
        LEFT JOIN runs r ON r.id = b.run_id
        LEFT JOIN subscribers s ON s.id = d.subscriber_id LEFT JOIN sign_ups g ON g.id = d.sign_up_id
        ORDER BY d.batch_id DESC, d.id LIMIT :limit"""


MASKED = (
    "left(COALESCE(g.email, s.email), 1) || '•••@' || substring(COALESCE(g.email, s.email) from '[^@]*$')"
)
"""As links/addresses.py masks them; `g` is the sign-up, `s` the subscriber."""


def _of_mail(mail: str) -> str:
    letter = "" if mail in OF_RUNS else " AND b.run_id IS NULL"
    return f" AND b.mail = '{mail}'{letter}"


def _conditions(state: str) -> Iterator[str]:
    if state in ("planned", "retrying"):  # two indexes
        for letters in ("NOT NULL", "NULL"):
            yield f"b.state = '{state}' AND d.state IS NULL AND b.run_id IS {letters}"
    elif state in BATCH_STATES:
        yield f"b.state = '{state}' AND d.state IS NULL"
    if state in OWN_STATES:
        called = (
            " AND b.state <> 'planned'" if state == "delivered" else ""
        )  # a run that is under way is passed over
        yield f"d.state = '{state}'{called}"


def _pick(condition: str) -> str:
    return f"""(SELECT d.id, d.batch_id FROM deliveries d JOIN batches b ON b.id = d.batch_id
                WHERE {condition} ORDER BY d.batch_id DESC, d.id LIMIT :limit)"""
