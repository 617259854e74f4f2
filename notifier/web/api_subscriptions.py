"""POST /v1/subscriptions: sign up from the site's own form. GET /v1/subscriptions/choices: what to put into it.

The answer never tells whether an address is known. The person gets a mail, and nothing begins before they confirm.
"""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from notifier.conditions.normal_form import MAX_CHARS
from notifier.languages.catalogue import language_of
from notifier.links.addresses import MAX_ADDRESS_CHARS
from notifier.subscriptions.consent import Words, consent_words
from notifier.subscriptions.schedules import FREQUENCIES
from notifier.subscriptions.wishes import BadWish, study_choices
from notifier.web.api_key import is_known
from notifier.web.cors import SIGN_UP_PATH
from notifier.web.problems import Problem, Refused
from notifier.web.service import Service, service_of
from notifier.web.sign_ups import BadSignUp, SignUpFields, ask_to_confirm
from notifier.web.visitors import network_of

MAX_CONDITIONS = 20
MAX_LOCALE = 16

router = APIRouter(
    prefix=SIGN_UP_PATH,
    tags=["public"],
    responses={status: {"model": Problem} for status in (403, 413, 422, 429, 503)},
)


class SubscriptionIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    email: str = Field(max_length=MAX_ADDRESS_CHARS)
    study: str | None = Field(None, max_length=20, description="NCT id: tell me when this study changes.")
    conditions: list[Annotated[str, Field(max_length=MAX_CHARS)]] = Field(
        default_factory=list,
        max_length=MAX_CONDITIONS,
        description="Names of conditions: tell me when new studies for them are added.",
    )
    frequency: Literal["immediate", "daily", "weekly"] = "daily"
    timezone: str | None = Field(None, max_length=64, description="Such as Europe/Berlin.")
    locale: str = Field(
        "en",
        max_length=MAX_LOCALE,
        description="The language in which the words were shown; mails have it too.",
    )
    terms: str = Field(
        max_length=40, description="The version of the terms' words that were shown and agreed to."
    )
    health_data: str = Field(max_length=40, description="The same for the words about health data.")


class SubscriptionOut(BaseModel):
    """The same for every address."""

    status: Literal["check_your_email"] = "check_your_email"


class ConsentOut(BaseModel):
    version: str = Field(description="To be sent back as proof of what was shown.")
    text: str


class ChoicesOut(BaseModel):
    locale: str = Field(
        description="The language of the words; English where there are none in that asked for."
    )
    study: str | None = Field(description="The study's title, where it is known here.")
    conditions: list[str] = Field(description="What the study is about, by readable names.")
    frequencies: list[str]
    terms: ConsentOut
    terms_url: str
    health_data: ConsentOut
    privacy_url: str
    safety: str = Field(description="To be shown beside the address field.")


@router.get("/choices")
def choices(
    request: Request,
    study: Annotated[str | None, Query(max_length=20, description="NCT id.")] = None,
    locale: Annotated[
        str, Query(max_length=MAX_LOCALE, description="The language of the words, such as de.")
    ] = "en",
) -> ChoicesOut:
    """What a form has to offer for a study, and the words that people are to agree to."""
    service = service_of(request)
    words = consent_words(service.settings, language_of(locale))
    title, conditions = _about(service, study) if study else (None, [])
    return ChoicesOut(
        locale=words.locale,
        study=title,
        conditions=conditions,
        frequencies=list(FREQUENCIES),
        terms=_consent(words.terms),
        terms_url=service.settings.terms_url,
        health_data=_consent(words.health),
        privacy_url=service.settings.privacy_url,
        safety=words.safety,
    )


@router.post("", status_code=202)
def subscribe(body: SubscriptionIn, request: Request, tasks: BackgroundTasks) -> SubscriptionOut:
    """Ask for updates. The person gets a mail with a link to confirm; the answer is the same for every address.

    The same wish again within a minute is the same request.
    """
    service = service_of(request)
    ours = _from_the_sites_server(request, service)
    fields = SignUpFields(
        email=body.email,
        study=body.study or "",
        conditions=tuple(body.conditions),
        frequency=body.frequency,
        zone=body.timezone or "",
        locale=body.locale,
        source="api",
        terms_version=body.terms,
        health_version=body.health_data,
    )
    try:
        verdict = ask_to_confirm(service, fields, None if ours else network_of(request, service.settings))
    except BadSignUp as bad:
        field, reason = next(iter(bad.problems.items()))
        raise _refused(
            422, str(reason), f"body.{_NAMES.get(field, field)}", "Correct it and send it again."
        ) from None
    if verdict == "network":
        raise _refused(429, "Too many sign-ups from this network.", None, "Try again in ten minutes.", "600")
    if verdict == "down":
        raise _refused(503, "No mail can be asked for just now.", None, "Try again in a minute.", "60")
    return SubscriptionOut()


_NAMES = {"zone": "timezone", "terms_version": "terms", "health_version": "health_data"}


def _about(service: Service, study: str) -> tuple[str | None, list[str]]:
    try:
        with service.engine.connect() as conn:
            found = study_choices(conn, study)
    except BadWish as error:
        raise _refused(422, str(error), "query.study", "It looks like NCT01234567.") from None
    return found.title, list(found.conditions)


def _consent(words: Words) -> ConsentOut:
    return ConsentOut(version=words.version, text=words.text)


def _from_the_sites_server(request: Request, service: Service) -> bool:
    """With one of API_KEYS. Raises Refused for a script on a page of somebody else."""
    if is_known(service.settings, request.headers.get("authorization")):
        return True
    origin = request.headers.get("origin")
    if origin is not None and origin not in service.settings.site_origins:
        raise _refused(403, "This page may not sign people up.", "header.origin", "Add it to SITE_ORIGINS.")
    return False


def _refused(
    status: int, error: str, where: str | None, remedy: str, retry_after: str | None = None
) -> Refused:
    headers: dict[str, Any] = {"retry-after": retry_after} if retry_after else {}
    return Refused(status, Problem(error=error, where=where, remedy=remedy), headers)
