"""The shapes of what the site pushes, checked."""

from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from notifier.registry.fields import Fields
from notifier.registry.projection import READERS, clean_nct_id
from notifier.registry.records import BadRecord
from notifier.registry.rules import COMPARED, VALUES
from notifier.registry.text import tidy, tidy_lines

MAX_QUESTION = 300  # characters
MAX_SUMMARY = 2000  # as for each part of a card that comes after the summary
MAX_CHANGES = 50
GAINS = ("what_this_could_mean", "what_it_could_lead_to")
MAX_ITEMS = 2000  # in one list; the largest studies have some 1,600 places


def _nct_id(text: str) -> str:
    try:
        return clean_nct_id(text)
    except BadRecord as bad:
        raise ValueError(bad.reason) from None


def _filled(text: str) -> str:
    if not text:
        raise ValueError("is empty")
    return text


def _compared(fact: str) -> str:
    if fact not in COMPARED:
        raise ValueError(f"is not a field that followers hear of; those are {', '.join(COMPARED)}")
    return fact


def _nothing_in_it(text: Any) -> Any:
    """Sites store a part that nobody has written as an empty text."""
    return None if isinstance(text, str) and not tidy_lines(text) else text


def _weighed(risk: str | None, info: ValidationInfo) -> str | None:
    """Never what could be gained without what could be lost."""
    gains = [name for name in GAINS if info.data.get(name)]
    if gains and not risk:
        raise ValueError(f"must be given too, as the card has {' and '.join(gains)}")
    return risk


NctId = Annotated[str, Field(max_length=40), AfterValidator(_nct_id)]
Line = Annotated[str, AfterValidator(tidy), AfterValidator(_filled)]
Lines = Annotated[str, AfterValidator(tidy_lines), AfterValidator(_filled)]
Part = Annotated[Annotated[Lines, Field(max_length=MAX_SUMMARY)] | None, BeforeValidator(_nothing_in_it)]


class _Pushed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Card(_Pushed):
    """A study in plain language: the question it asks, what it does about it, and, where the site has written
    them, four more parts. They are checked in this order: the risk after what it is weighed against."""

    nct_id: NctId
    question: Annotated[Line, Field(max_length=MAX_QUESTION)]
    summary: Annotated[Lines, Field(max_length=MAX_SUMMARY)]
    what_this_could_mean: Part = None
    active_substance: Part = None
    what_it_could_lead_to: Part = None
    what_could_go_wrong: Annotated[Part, AfterValidator(_weighed), Field(validate_default=True)] = None


class Change(_Pushed):
    """One change: `before` and `after` as a record has them; for lists, what went and what came."""

    field: Annotated[str, AfterValidator(_compared)]
    before: Any = None
    after: Any = None

    @model_validator(mode="after")
    def _check_values(self) -> "Change":
        self.as_json()
        return self

    def as_json(self) -> dict[str, Any]:
        gone, new = _read(self.field, "before", self.before), _read(self.field, "after", self.after)
        change = {"field": self.field, "before": gone, "after": new}
        return change if self.field in VALUES else change | {"added": new, "removed": gone, "changed": []}


class PushedEvent(_Pushed):
    """`id` is the site's own: the same event may be pushed again and is told once."""

    id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
    nct_id: NctId
    changes: Annotated[list[Change], Field(min_length=1, max_length=MAX_CHANGES)]


def explain(error: ValidationError) -> tuple[str, str]:
    """The first field that is wrong, and why. The value itself is not repeated."""
    problem = error.errors(include_input=False, include_url=False, include_context=False)[0]
    place = ".".join(str(part) for part in problem["loc"])
    return place, problem["msg"].removeprefix("Value error, ")


def _read(fact: str, side: str, value: Any) -> Any:
    """The value as the same reader would have it that reads records: checked, tidied, no personal data."""
    if isinstance(value, list) and len(value) > MAX_ITEMS:
        raise ValueError(f"{side} has {len(value)} items; at most {MAX_ITEMS}")
    if value is None and fact in VALUES and fact != "phases":
        return None
    if fact == "leadSponsor" and isinstance(value, str):
        value = {"name": value}
    try:
        return READERS[fact][1](Fields({side: value}), side)
    except BadRecord as bad:
        raise ValueError(bad.reason) from None
