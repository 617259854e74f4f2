"""What the site pushes: plain-language cards and change events of its own."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, text

from notifier.db.base import Json
from notifier.db.locks import Lock, hold
from notifier.registry.event_rows import insert_events
from notifier.registry.pushed import Card, PushedEvent, explain
from notifier.registry.rules import VALUES
from notifier.registry.snapshot import snapshot
from notifier.registry.states import NewEvent, studies_of

_PARTS = tuple(name for name in Card.model_fields if name != "nct_id")
_STORE_CARDS = text(f"""
    INSERT INTO study_cards (nct_id, {", ".join(_PARTS)}, updated_at)
    VALUES (:nct_id, {", ".join(f":{part}" for part in _PARTS)}, :now)
    ON CONFLICT (nct_id) DO UPDATE
    SET {", ".join(f"{part} = excluded.{part}" for part in _PARTS)}, updated_at = excluded.updated_at
""")
_STUDIES = text("""
    SELECT id, nct_id, facts::text AS facts, baseline::text AS baseline, first_seen_at
    FROM studies WHERE nct_id = ANY(:nct_ids)
""")
_TOLD = text("""
    SELECT s.nct_id, e.version FROM change_events e JOIN studies s ON s.id = e.study_id
    WHERE s.nct_id = ANY(:nct_ids) AND e.version = ANY(:versions)
""")
_SET_BASELINE = text("UPDATE studies SET baseline = CAST(:baseline AS jsonb) WHERE id = :id")

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class ItemError:
    """`index` counts the items from 0; `field` is empty where the whole item is meant."""

    index: int
    field: str
    reason: str


@dataclass
class PushResult:
    """`repeated`: under the same id, or with nothing but what followers were already told. They are fine."""

    stored: int = 0
    repeated: int = 0
    errors: list[ItemError] = field(default_factory=list)


@dataclass
class _Study:
    id: int
    facts: Json
    baseline: Json
    first_seen_at: datetime
    told_anew: bool = False


def store_cards(conn: Connection, cards: Sequence[Any], now: datetime) -> PushResult:
    """Cards are as `Card` of registry/pushed.py. A newer card takes the place of the older as a whole; one bad card
    does not keep out the rest."""
    result = PushResult()
    valid = {card.nct_id: card for _, card in _checked(Card, cards, result)}
    if valid:  # in one order, so that two pushes wait for each other and never in a circle
        conn.execute(_STORE_CARDS, [{**valid[nct_id].model_dump(), "now": now} for nct_id in sorted(valid)])
    result.stored = len(cards) - len(result.errors)
    return result


def store_pushed_events(conn: Connection, events: Sequence[Any], now: datetime) -> PushResult:
    """Events are {"id", "nct_id", "changes": [{"field", "before", "after"}]}; the same id is stored once.

    They become visible with the next `assign_positions`, to be called after this transaction's commit.
    What they tell moves the baseline of single values, so that the registry's own record, when it comes,
    does not tell it again. Changes of lists are told beside what the record brings.
    """
    result = PushResult()
    valid = list(_checked(PushedEvent, events, result))
    hold(conn, Lock.INTAKE)
    studies = _studies(conn, [event for _, event in valid])
    told = _told(conn, [event for _, event in valid])
    rows: list[tuple[int, NewEvent]] = []
    for index, event in valid:
        study = studies.get(event.nct_id)
        if study is None:
            result.errors.append(ItemError(index, "nct_id", "no such study is stored; push its record first"))
        elif (event.nct_id, _version(event)) in told or not (changes := _news(study, event)):
            result.repeated += 1
        else:
            told.add((event.nct_id, _version(event)))
            rows.append((study.id, _row(study, event, changes)))
    insert_events(conn, rows, [], now)
    _store_baselines(conn, studies.values())
    result.stored = len(rows)
    result.errors.sort(key=lambda error: error.index)
    return result


def _checked(model: type[Model], items: Sequence[Any], result: PushResult) -> Iterable[tuple[int, Model]]:
    for index, item in enumerate(items):
        try:
            yield index, model.model_validate(item)
        except ValidationError as error:
            result.errors.append(ItemError(index, *explain(error)))


def _version(event: PushedEvent) -> str:
    return f"site/{event.id}"


def _studies(conn: Connection, events: Sequence[PushedEvent]) -> dict[str, _Study]:
    rows = conn.execute(_STUDIES, {"nct_ids": list({event.nct_id for event in events})})
    return {
        row.nct_id: _Study(row.id, orjson.loads(row.facts), orjson.loads(row.baseline), row.first_seen_at)
        for row in rows
    }


def _told(conn: Connection, events: Sequence[PushedEvent]) -> set[tuple[str, str]]:
    nct_ids = list({event.nct_id for event in events})
    versions = [_version(event) for event in events]
    return {
        (row.nct_id, row.version) for row in conn.execute(_TOLD, {"nct_ids": nct_ids, "versions": versions})
    }


def _news(study: _Study, event: PushedEvent) -> list[Json]:
    """The changes that followers were not told yet; from now on they are."""
    news = []
    for change in (change.as_json() for change in event.changes):
        fact, after = change["field"], change["after"]
        if fact in VALUES:
            if (study.facts | study.baseline).get(fact) == after:
                continue
            study.baseline[fact] = after
            if study.facts.get(fact) == after:
                del study.baseline[fact]
            study.told_anew = True
        news.append(change)
    return news


def _row(study: _Study, event: PushedEvent, changes: list[Json]) -> NewEvent:
    return NewEvent(
        nct_id=event.nct_id,
        version=_version(event),
        kind="study_changed",
        changes=changes,
        study=snapshot(event.nct_id, study.facts, study.first_seen_at.date()),
        occurred_on=None,
        targets=studies_of(event.nct_id, study.facts),
    )


def _store_baselines(conn: Connection, studies: Iterable[_Study]) -> None:
    rows = [
        {"id": study.id, "baseline": orjson.dumps(study.baseline).decode()}
        for study in studies
        if study.told_anew
    ]
    if rows:
        conn.execute(_SET_BASELINE, rows)
