"""From what a form or a program brought to a sign-up with its confirm mail on the way."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import text

from notifier.delivery.letter_room import LATER, has_room
from notifier.delivery.letters import is_on_its_way, post_letter
from notifier.languages.catalogue import language_of
from notifier.languages.messages import Message
from notifier.links.addresses import BadAddress, clean_address
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.subscriptions.consent import consent_words
from notifier.subscriptions.schedules import FREQUENCIES, known_zones
from notifier.subscriptions.signing_up import SignUpRequest, request_sign_up
from notifier.subscriptions.wishes import BadWish, clean_wish
from notifier.web.limits import Verdict
from notifier.web.service import Service
from notifier.web.words import address_reason

T = TypeVar("T")


@dataclass(frozen=True)
class SignUpFields:
    """As they came; "" where nothing was given."""

    email: str
    study: str
    conditions: tuple[str, ...]
    frequency: str
    zone: str
    locale: str
    source: str
    terms_version: str
    health_version: str


class BadSignUp(Exception):
    """`problems`: {field: what is wrong, for people}; none of it repeats what was typed."""

    def __init__(self, problems: dict[str, Message]) -> None:
        super().__init__()
        self.problems = problems


def ask_to_confirm(service: Service, fields: SignUpFields, network: str | None) -> Verdict:
    """Store the wish and post the confirm mail. Raises BadSignUp.

    For `address` (written to just now, or enough) the answer has to be the same as for `ok`.
    """
    request = checked(service, fields)
    verdict = service.limits.allow_mail_to(request.email, network)
    if verdict in ("ok", "address"):
        store_sign_up(service, request, verdict)
        service.wake("letter")
    return verdict


def store_sign_up(service: Service, request: SignUpRequest, verdict: Verdict) -> UUID:
    """For the verdict `ok` or `address`; its public id. It is kept in any case: "send it again" has its mail sent.

    Of a double click the second half is one for whom enough was written, and may come here before the first.
    """
    now = service.clock()
    at = now if verdict == "ok" else now + LATER
    with service.engine.begin() as conn:
        sign_up_id = request_sign_up(conn, request, settings=service.settings, keys=service.keys, now=now)
        posted = is_on_its_way(conn, sign_up_id, by=at)
        if not posted and (verdict == "ok" or has_room(conn, request.email, now)):
            post_letter(conn, "confirm", now=now, at=at, sign_up_id=sign_up_id)
        public_id: UUID = conn.execute(
            text("SELECT public_id FROM sign_ups WHERE id = :id"), {"id": sign_up_id}
        ).scalar_one()
    return public_id


def checked(service: Service, fields: SignUpFields) -> SignUpRequest:
    """Raises BadSignUp with all that is wrong at once."""
    problems: dict[str, Message] = {}

    def check(name: str, value: str, clean: Callable[[str], T]) -> T | None:
        try:
            return clean(value)
        except BadWish as bad:
            problems.setdefault(name, bad.reason)
            return None

    email = check("email", fields.email, _address)
    study = check("study", fields.study, _study) if fields.study else None
    conditions = [check("conditions", text, clean_wish) for text in fields.conditions]
    check("frequency", fields.frequency, _frequency)
    zone = check("zone", fields.zone, _zone) if fields.zone else service.settings.digest_zone
    words = consent_words(service.settings, language_of(fields.locale))
    check("terms_version", fields.terms_version, _agreed(words.terms.version, _TERMS))
    check("health_version", fields.health_version, _agreed(words.health.version, _HEALTH))
    if not (fields.study or fields.conditions):
        problems["study"] = Message("Choose at least one: this study, or a condition")
    if problems or email is None or zone is None:
        raise BadSignUp(problems)
    return SignUpRequest(
        email=email,
        study=study,
        conditions=tuple(text for text in conditions if text is not None),
        frequency=fields.frequency,
        zone=zone,
        locale=words.locale,
        source=fields.source,
        terms_version=words.terms.version,
        health_version=words.health.version,
    )


def _address(text: str) -> str:
    try:
        return clean_address(text)
    except BadAddress as error:
        raise BadWish(address_reason(error)) from None


def _study(text: str) -> str:
    try:
        return clean_nct_id(text)
    except BadRecord:
        raise BadWish(Message("A study number looks like NCT01234567")) from None


def _frequency(text: str) -> str:
    if text not in FREQUENCIES:
        raise BadWish(Message("Choose how often you want emails"))
    return text


def _zone(text: str) -> str:
    if text not in known_zones():
        raise BadWish(Message("Choose a time zone from the list; it looks like Europe/Berlin"))
    return text


# Why it takes an agreement, and why another one.
_TERMS = (
    Message("Please agree to the terms of use; without that we may not send you updates"),
    Message("The words about the terms of use have changed; please read them and agree again"),
)
_HEALTH = (
    Message("Please agree to the use of health data; without that we may not send you updates"),
    Message("The words about the use of health data have changed; please read them and agree again"),
)


def _agreed(version: str, reasons: tuple[Message, Message]) -> Callable[[str], str]:
    def agreed(text: str) -> str:
        if not text:
            raise BadWish(reasons[0])
        if text != version:
            raise BadWish(reasons[1])
        return text

    return agreed
