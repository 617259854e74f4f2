"""The sign-up form, and the page after it."""

from collections.abc import Sequence

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from notifier.conditions.normal_form import normal_form
from notifier.languages.messages import Message
from notifier.links.timed import OldToken
from notifier.links.tokens import BadToken
from notifier.subscriptions.consent import consent_words
from notifier.subscriptions.wishes import study_choices
from notifier.web.asking import Asked, FieldError, distinct
from notifier.web.forms import Form, Pair
from notifier.web.negotiation import address as address_of
from notifier.web.negotiation import language_for
from notifier.web.pages import FRAMED, page
from notifier.web.service import service_of

CHECK_AND_SEND = Message("Please check this, fill in what is missing, and send it.")
OPEN_TOO_LONG = Message("This page was open for a long time. Please check it and send it once more.")


def not_ours(request: Request, form: Form) -> Message | None:
    """Why the form is shown once more: another site's page may have had it sent without anybody reading it."""
    service = service_of(request)
    if request.headers.get("sec-fetch-site") == "cross-site":
        return CHECK_AND_SEND
    try:
        service.form_links.read(form.get("form"), service.clock())
    except OldToken:
        return OPEN_TOO_LONG
    except BadToken:
        return CHECK_AND_SEND
    return None


def form_page(
    request: Request, asked: Asked, errors: Sequence[FieldError], *, note: Message | None = None
) -> Response:
    """Everything that was typed is kept."""
    service = service_of(request)
    status = 422 if errors else 200
    action = _action(request)
    if asked.is_empty:
        return page(request, "subscribe_start", status, errors=errors, action=action, email=asked.email)
    study = None
    if asked.about:
        with service.engine.connect() as conn:
            study = study_choices(conn, asked.about)
    wanted = {normal_form(one) for one in asked.conditions}
    conditions = distinct((*(study.conditions if study else ()), *asked.offered))
    return page(
        request,
        "subscribe",
        status,
        errors=errors,
        note=note,
        action=action,
        asked=asked,
        study=study,
        conditions=[(label, normal_form(label) in wanted) for label in conditions],
        words=consent_words(service.settings, language_for(request)),
        settings=service.settings,
        form_token=service.form_token(),
    )


def check_email_page(
    request: Request,
    address: str,
    sign_up: str,
    wishes: Sequence[Pair],
    *,
    too_soon: bool = False,
    after: BackgroundTask | None = None,
) -> Response:
    """`address` is masked, and "" where it is not to be shown; `sign_up` is the form token of the sign-up."""
    action = _action(request)
    return page(
        request,
        "check_email",
        address=address,
        too_soon=too_soon,
        action=action,
        again=action if request.url.path == FRAMED else address_of(request, "/subscribe/again"),
        sign_up=sign_up,
        wishes=wishes,
        after=after,
    )


def _action(request: Request) -> str:
    """Where forms go: inside a frame they stay there."""
    return address_of(request, FRAMED if request.url.path == FRAMED else "/subscribe")
