"""Rows of `change_events` and `event_targets`, written in bulk. They have no position yet."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection

from notifier.conditions.store import store_targets
from notifier.conditions.targets import TargetRef
from notifier.registry.bulk import copy_rows, next_ids
from notifier.registry.states import NewEvent

_COLUMNS = ("id", "study_id", "version", "kind", "changes", "study", "occurred_on", "seen_at")


def insert_events(
    conn: Connection, events: Sequence[tuple[int, NewEvent]], known: Sequence[TargetRef], now: datetime
) -> None:
    """Each with the id of its study. Call it once in a transaction: it takes locks on targets, in order.

    `known` are targets that no event has yet: people look for them, and can follow them.
    """
    told = [target for _, event in events for target in event.targets]
    target_ids = store_targets(conn, [*known, *told], known=True)
    if not events:
        return
    event_ids = next_ids(conn, "change_events", len(events))
    copy_rows(
        conn,
        "change_events",
        _COLUMNS,
        (_row(event_id, *event, now) for event_id, event in zip(event_ids, events, strict=True)),
    )
    copy_rows(
        conn,
        "event_targets",
        ("event_id", "target_id", "evidence"),
        (
            (event_id, target_ids[target.kind, target.key], target.evidence)
            for event_id, (_, event) in zip(event_ids, events, strict=True)
            for target in event.targets
        ),
    )


def _row(event_id: int, study_id: int, event: NewEvent, now: datetime) -> tuple[object, ...]:
    changes, study = orjson.dumps(event.changes).decode(), orjson.dumps(event.study).decode()
    return event_id, study_id, event.version, event.kind, changes, study, event.occurred_on, now
