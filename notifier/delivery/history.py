"""What befell a batch, for the story of its deliveries: docs/decisions/0025."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, text


def note_decision(
    conn: Connection, batch_ids: Sequence[int], what: str, action_id: int, *, now: datetime
) -> None:
    conn.execute(
        text(
            """INSERT INTO batch_history (batch_id, at, what, action_id)
               SELECT id, :now, :what, :action_id FROM unnest(CAST(:ids AS bigint[])) AS id"""
        ),
        {"ids": list(batch_ids), "now": now, "what": what, "action_id": action_id},
    )
