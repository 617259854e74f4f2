"""One batch of versions, taken in within one transaction."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import orjson
from sqlalchemy import Connection, text

from notifier.db.locks import Lock, hold
from notifier.registry.event_rows import insert_events
from notifier.registry.projection import StudyVersion
from notifier.registry.states import (
    NewEvent,
    Outcome,
    StudyState,
    conditions_of,
    differs,
    first_state,
    next_state,
)
from notifier.registry.study_rows import insert_studies, update_dates, update_studies

_ROWS = text("""
    SELECT nct_id, id, revision, facts_hash, facts_schema, updated_on, data_date, first_posted_on, first_seen_at
    FROM studies WHERE nct_id = ANY(:nct_ids)
""")
_FACTS = text("SELECT nct_id, facts::text, baseline::text FROM studies WHERE nct_id = ANY(:nct_ids)")


@dataclass(frozen=True)
class BatchOutcome:
    """What became of each version, in their order."""

    outcomes: list[Outcome]
    made_events: bool


def store_batch(
    conn: Connection, versions: Sequence[StudyVersion], since: date, now: datetime
) -> BatchOutcome:
    """One batch at a time in the whole installation, so that what is read here is still so when it is written.

    Two imports of the same file neither wait for each other in a circle nor tell anything twice.
    """
    hold(conn, Lock.INTAKE)
    stored = _load(conn, versions)
    states, outcomes, events = dict(stored), [], []
    for version in versions:
        state = states.get(version.nct_id)
        outcome, following, event = next_state(state, version) if state else first_state(version, since, now)
        states[version.nct_id] = following
        outcomes.append(outcome)
        events += [event] if event else []
    _write(conn, stored, states, events, now)
    return BatchOutcome(outcomes, bool(events))


def _load(conn: Connection, versions: Sequence[StudyVersion]) -> dict[str, StudyState]:
    states = {
        row.nct_id: StudyState(*row)
        for row in conn.execute(_ROWS, {"nct_ids": list({version.nct_id for version in versions})})
    }
    # A study that is in the batch twice may differ from the first, not from what is stored.
    seen: set[str] = set()
    wanted = []
    for version in versions:
        state = states.get(version.nct_id)
        if state and (version.nct_id in seen or differs(state, version)):
            wanted.append(version.nct_id)
        seen.add(version.nct_id)
    for row in conn.execute(_FACTS, {"nct_ids": wanted}) if wanted else ():
        nct_id, facts, baseline = row
        states[nct_id] = replace(
            states[nct_id], facts=orjson.loads(facts), encoded=facts.encode(), baseline=orjson.loads(baseline)
        )
    return states


def _write(
    conn: Connection,
    stored: dict[str, StudyState],
    states: dict[str, StudyState],
    events: Sequence[NewEvent],
    now: datetime,
) -> None:
    ids = {nct_id: state.id for nct_id, state in stored.items() if state.id is not None}
    ids |= insert_studies(conn, [state for nct_id, state in states.items() if nct_id not in stored], now)
    touched = _touched(stored, states.values())
    told = {event.nct_id for event in events}
    update_studies(conn, [state for state in touched if state.revision != stored[state.nct_id].revision], now)
    update_dates(conn, [state for state in touched if state.revision == stored[state.nct_id].revision])
    quiet = [state for nct_id, state in states.items() if nct_id not in {*stored, *told}]
    known = [target for state in quiet for target in conditions_of(state.facts or {})]
    insert_events(conn, [(ids[event.nct_id], event) for event in events], known, now)


def _touched(stored: dict[str, StudyState], states: Iterable[StudyState]) -> list[StudyState]:
    return [state for state in states if state.nct_id in stored and state != stored[state.nct_id]]
