"""What befell a batch, for the story of its deliveries: docs/decisions/0026."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, text


def note_call(
    conn: Connection, batch_id: int, attempt: int, what: str, reason: str | None, now: datetime
) -> None:
    """A call that did not go well. `reason` is scrubbed already."""
    conn.execute(
        text(
            """INSERT INTO batch_history (batch_id, at, what, attempt, reason)
               VALUES (:id, :now, :what, :attempt, :reason)"""
        ),
        {"id": batch_id, "now": now, "what": what, "attempt": attempt, "reason": reason},
    )


def note_split(conn: Connection, origin: int, part: int, now: datetime) -> None:
    """The mails in this part have been through all that the batch has been through they came from."""
    conn.execute(
        text(
            """INSERT INTO batch_history (batch_id, at, what, attempt, reason, action_id)
               SELECT :part, at, what, attempt, reason, action_id
               FROM (SELECT * FROM batch_history WHERE batch_id = :origin ORDER BY id) x
               UNION ALL SELECT :part, CAST(:now AS timestamptz), 'split off', NULL, NULL, NULL"""
        ),
        {"part": part, "origin": origin, "now": now},
    )


def note_settled(conn: Connection, batch_ids: Iterable[int], what: str, now: datetime) -> None:
    _note_all(conn, batch_ids, what, None, now)


def note_decision(
    conn: Connection, batch_ids: Sequence[int], what: str, action_id: int, *, now: datetime
) -> None:
    _note_all(conn, batch_ids, what, action_id, now)


def _note_all(
    conn: Connection, batch_ids: Iterable[int], what: str, action_id: int | None, now: datetime
) -> None:
    ids = list(batch_ids)
    if ids:
        conn.execute(
            text(
                """INSERT INTO batch_history (batch_id, at, what, action_id)
                   SELECT id, :now, :what, CAST(:action_id AS bigint) FROM unnest(CAST(:ids AS bigint[])) AS id"""
            ),
            {"ids": ids, "now": now, "what": what, "action_id": action_id},
        )
