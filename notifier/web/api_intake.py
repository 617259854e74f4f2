"""What the site pushes: studies with their plain-language cards, and change events of its own.

Both can be repeated without harm. One bad item is answered with its reason; the rest goes in.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Request, Security
from pydantic import BaseModel, Field, WithJsonSchema
from sqlalchemy import Connection

from notifier.db.installation import installed_on
from notifier.registry.intake import take_in
from notifier.registry.positions import assign_positions
from notifier.registry.push import ItemError, PushResult, store_cards, store_pushed_events
from notifier.registry.pushed import Card
from notifier.registry.records import RawRecord, Rejection
from notifier.web.api_key import KeyedRoute, bearer
from notifier.web.problems import Problem
from notifier.web.service import Service, service_of

MAX_ITEMS = 1000
STUDY = {
    "type": "object",
    "properties": {
        "record": {"type": "object", "description": "A study record of the registry's API v2."},
        "card": Card.model_json_schema(),
    },
    "description": "A record, a card, or both.",
}
EVENT = {
    "type": "object",
    "properties": {
        "id": {"type": "string", "description": "Your own id of the event; the same id is stored once."},
        "nct_id": {"type": "string"},
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "before": {}, "after": {}},
                "required": ["field"],
            },
        },
    },
    "required": ["id", "nct_id", "changes"],
}

router = APIRouter(
    prefix="/v1",
    tags=["site"],
    route_class=KeyedRoute,
    dependencies=[Security(bearer)],
    responses={status: {"model": Problem} for status in (401, 413, 422, 503)},
)


class StudiesIn(BaseModel):
    studies: list[Annotated[Any, WithJsonSchema(STUDY)]] = Field(max_length=MAX_ITEMS)


class EventsIn(BaseModel):
    events: list[Annotated[Any, WithJsonSchema(EVENT)]] = Field(max_length=MAX_ITEMS)


class ItemProblem(BaseModel):
    index: int = Field(description="The item's place in the request, from 0.")
    field: str = Field(description="The part of the item that is meant; empty for the whole.")
    reason: str


class RecordCounts(BaseModel):
    """`new` includes `known`: first posted before this service began, stored without telling anybody."""

    read: int
    new: int
    known: int
    changed: int
    unchanged: int
    older: int
    rejected: int


class CardCounts(BaseModel):
    stored: int


class StudiesOut(BaseModel):
    records: RecordCounts
    cards: CardCounts
    errors: list[ItemProblem]


class EventsOut(BaseModel):
    stored: int
    repeated: int
    errors: list[ItemProblem]


@router.put("/studies")
def put_studies(body: StudiesIn, request: Request, tasks: BackgroundTasks) -> StudiesOut:
    """Store the current version of studies, and their cards. Followers hear of what matters to them."""
    service = service_of(request)
    studies, errors = _objects(body.studies, allowed=("record", "card"))
    cards = _push(service, store_cards, _part(studies, "card"), errors, "card")
    records = _take_in(service, _part(studies, "record"), errors)
    tasks.add_task(service.wake, "intake")
    return StudiesOut(
        records=records,
        cards=CardCounts(stored=cards.stored),
        errors=sorted(errors, key=lambda error: error.index),
    )


@router.post("/events")
def post_events(body: EventsIn, request: Request, tasks: BackgroundTasks) -> EventsOut:
    """Tell the followers of studies about changes that the registry's records do not show."""
    service = service_of(request)
    errors: list[ItemProblem] = []
    result = _push(service, store_pushed_events, list(enumerate(body.events)), errors, "")
    with service.engine.begin() as conn:
        assign_positions(conn)
    tasks.add_task(service.wake, "intake")
    return EventsOut(stored=result.stored, repeated=result.repeated, errors=errors)


Items = list[tuple[int, Any]]


def _objects(items: Sequence[Any], allowed: tuple[str, ...]) -> tuple[Items, list[ItemProblem]]:
    """The items that hold something, each with its place."""
    good: Items = []
    errors = []
    for index, item in enumerate(items):
        if isinstance(item, dict) and any(item.get(name) is not None for name in allowed):
            good.append((index, item))
        else:
            reason = f"must be an object with {' or '.join(allowed)}, or both"
            errors.append(ItemProblem(index=index, field="", reason=reason))
    return good, errors


def _part(items: Items, name: str) -> Items:
    return [(index, item[name]) for index, item in items if item.get(name) is not None]


def _push(
    service: Service,
    store: Callable[[Connection, Sequence[Any], Any], PushResult],
    items: Items,
    errors: list[ItemProblem],
    prefix: str,
) -> PushResult:
    with service.engine.begin() as conn:
        result = store(conn, [item for _, item in items], service.clock())
    errors.extend(_item_problem(error, items, prefix) for error in result.errors)
    return result


def _item_problem(error: ItemError, items: Items, prefix: str) -> ItemProblem:
    field = ".".join(part for part in (prefix, error.field) if part)
    return ItemProblem(index=items[error.index][0], field=field, reason=error.reason)


def _take_in(service: Service, items: Items, errors: list[ItemProblem]) -> RecordCounts:
    def note(rejection: Rejection) -> None:
        errors.append(ItemProblem(index=rejection.line, field="record", reason=rejection.reason))

    now = service.clock()
    with service.engine.connect() as conn:
        since = installed_on(conn)
    records = [RawRecord("studies", index, record) for index, record in items]
    result = take_in(service.engine, records, since=since, now=now, on_rejection=note)
    return RecordCounts.model_validate(asdict(result))
