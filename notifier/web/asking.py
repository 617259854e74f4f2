"""What somebody asks for on the sign-up form: kept as typed, refused with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from notifier.conditions.normal_form import normal_form
from notifier.languages.messages import Message
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.settings import Settings
from notifier.subscriptions.schedules import FREQUENCIES, known_zones
from notifier.subscriptions.wishes import MOST_CONDITIONS, TOO_MANY, BadWish, clean_wish
from notifier.web.forms import Form, Pair
from notifier.web.sign_ups import SignUpFields

USUAL_FREQUENCY = "weekly"
NO_ADDRESS = Message("Enter your email address")
# Where the page shows what is wrong with a field, in the order of the page.
_PLACES = {
    "study": "wishes",
    "conditions": "wishes",
    "frequency": "frequency",
    "email": "email",
    "terms_version": "terms",
    "health_version": "health",
}


@dataclass(frozen=True)
class FieldError:
    """`field` is the id of the input that is meant."""

    field: str
    text: Message


@dataclass(frozen=True)
class Asked:
    """`about` is the study whose conditions are offered; `study` is the same if its changes are wanted."""

    about: str | None
    study: str | None
    conditions: tuple[str, ...]
    offered: tuple[str, ...]  # conditions that came with the link, wanted or not
    frequency: str
    zone: str
    email: str  # as typed
    terms: str  # the version of the words that were agreed to
    health: str
    errors: tuple[FieldError, ...]  # what cannot be understood at all

    @property
    def is_empty(self) -> bool:
        return self.about is None and not self.offered

    def pairs(self) -> list[Pair]:
        """The wishes as fields of a form, without the address."""
        wishes = [("about", self.about or ""), ("study", self.study or "")]
        wishes += [("condition", one) for one in self.conditions] + [("offer", one) for one in self.offered]
        return [pair for pair in (*wishes, ("frequency", self.frequency), ("zone", self.zone)) if pair[1]]

    def fields(self, locale: str, source: str) -> SignUpFields:
        return SignUpFields(
            email=self.email,
            study=self.study or "",
            conditions=self.conditions,
            frequency=self.frequency,
            zone=self.zone,
            locale=locale,
            source=source,
            terms_version=self.terms,
            health_version=self.health,
        )


def read_asked(form: Form, settings: Settings) -> Asked:
    errors: list[FieldError] = []
    study = _study(form.get("study"), errors)
    conditions = _conditions(form.all("condition"), errors)
    frequency, zone = form.get("frequency"), form.get("zone")
    return Asked(
        about=study or _study(form.get("about"), errors),
        study=study,
        conditions=conditions,
        offered=distinct((*conditions, *_conditions(form.all("offer"), []))),
        frequency=frequency if frequency in FREQUENCIES else USUAL_FREQUENCY,
        zone=zone if zone in known_zones() else settings.digest_zone,
        email=form.get("email"),
        terms=form.get("terms"),
        health=form.get("health"),
        errors=tuple(errors),
    )


def read_link(form: Form, settings: Settings) -> Asked:
    """What a link asks for. It can wish, but not agree; and an address in it would stand in histories and logs."""
    return replace(read_asked(form, settings), email="", terms="", health="")


def placed(problems: dict[str, Message], asked: Asked) -> list[FieldError]:
    if "email" in problems and not asked.email:
        problems = {**problems, "email": NO_ADDRESS}
    return [FieldError(place, problems[name]) for name, place in _PLACES.items() if name in problems]


def distinct(conditions: Sequence[str]) -> tuple[str, ...]:
    """The first of each that say the same."""
    first: dict[str, str] = {}
    for one in conditions:
        first.setdefault(normal_form(one), one)
    return tuple(first.values())


def _study(value: str, errors: list[FieldError]) -> str | None:
    try:
        return clean_nct_id(value) if value else None
    except BadRecord:
        errors.append(FieldError("study", Message("A study number looks like NCT01234567")))
        return None


def _conditions(values: Sequence[str], errors: list[FieldError]) -> tuple[str, ...]:
    found = []
    for value in values:
        try:
            found.append(clean_wish(value))
        except BadWish as bad:
            errors.append(FieldError("condition", bad.reason))
    if len(distinct(found)) > MOST_CONDITIONS:
        errors.append(FieldError("condition", TOO_MANY))
    return distinct(found)[:MOST_CONDITIONS]
