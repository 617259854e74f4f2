"""The audit trail: what a person, or somebody for them, changed."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, text

VIAS = ("one_click", "page", "manage", "confirm", "feedback", "operator")


def note_change(
    conn: Connection,
    subscriber_id: int,
    action: str,
    *,
    via: str,
    now: datetime,
    subscription_ids: Iterable[int | None] = (None,),
) -> None:
    """One line, or one for each of these subscriptions."""
    conn.execute(
        text(
            """INSERT INTO subscription_changes (subscriber_id, subscription_id, at, action, via)
               SELECT :id, v.id, :now, :action, :via FROM unnest(CAST(:ids AS bigint[])) AS v (id)"""
        ),
        {"id": subscriber_id, "ids": list(subscription_ids), "now": now, "action": action, "via": via},
    )
