"""Rows of `studies`, written in bulk."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import Connection, text

from notifier.registry.bulk import copy_rows, next_ids
from notifier.registry.states import StudyState

_COLUMNS = (
    "id",
    "nct_id",
    "revision",
    "facts",
    "facts_hash",
    "facts_schema",
    "baseline",
    "updated_on",
    "data_date",
    "first_posted_on",
    "first_seen_at",
    "stored_at",
)
_UPDATE = text("""
    UPDATE studies SET revision = :revision, facts = CAST(:facts AS jsonb), facts_hash = :digest,
        facts_schema = :schema, baseline = CAST(:baseline AS jsonb), updated_on = :updated_on,
        data_date = :data_date, first_posted_on = :first_posted_on, stored_at = :now
    WHERE id = :id
""")
_UPDATE_DATES = text("""
    UPDATE studies AS s SET updated_on = d.updated_on, data_date = d.data_date, first_posted_on = d.first_posted_on
    FROM unnest(CAST(:ids AS int[]), CAST(:updated_on AS date[]), CAST(:data_date AS date[]),
                CAST(:first_posted_on AS date[])) AS d(id, updated_on, data_date, first_posted_on)
    WHERE s.id = d.id
""")


def insert_studies(conn: Connection, states: Sequence[StudyState], now: datetime) -> dict[str, int]:
    """The ids by NCT id."""
    if not states:
        return {}
    ids = dict(zip((state.nct_id for state in states), next_ids(conn, "studies", len(states)), strict=True))
    copy_rows(conn, "studies", _COLUMNS, (_row(ids[state.nct_id], state, now) for state in states))
    return ids


def update_studies(conn: Connection, states: Sequence[StudyState], now: datetime) -> None:
    if states:
        conn.execute(_UPDATE, [_parameters(state, now) for state in states])


def update_dates(conn: Connection, states: Sequence[StudyState]) -> None:
    """For studies that were seen again without a change."""
    if not states:
        return
    columns = ("updated_on", "data_date", "first_posted_on")
    parameters = {column: [getattr(state, column) for state in states] for column in columns}
    conn.execute(_UPDATE_DATES, {"ids": [state.id for state in states], **parameters})


def _row(study_id: int, state: StudyState, now: datetime) -> tuple[object, ...]:
    return (
        study_id,
        state.nct_id,
        state.revision,
        (state.encoded or b"{}").decode(),
        state.digest,
        state.schema,
        orjson.dumps(state.baseline).decode(),
        state.updated_on,
        state.data_date,
        state.first_posted_on,
        state.first_seen_at,
        now,
    )


def _parameters(state: StudyState, now: datetime) -> dict[str, object]:
    return {
        "id": state.id,
        "revision": state.revision,
        "facts": (state.encoded or b"{}").decode(),
        "digest": state.digest,
        "schema": state.schema,
        "baseline": orjson.dumps(state.baseline).decode(),
        "updated_on": state.updated_on,
        "data_date": state.data_date,
        "first_posted_on": state.first_posted_on,
        "now": now,
    }
