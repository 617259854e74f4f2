"""GET|POST /manage: "send me a fresh link". The same answer, as fast, whether or not the address is known."""

import structlog
from sqlalchemy import text
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.languages.messages import Message
from notifier.links.addresses import BadAddress, clean_address, mask_address
from notifier.links.keys import email_key
from notifier.links.timed import LIFETIMES
from notifier.web.asking import NO_ADDRESS, FieldError
from notifier.web.forms import Form, form_routes
from notifier.web.mailing import may_mail, refused
from notifier.web.pages import page
from notifier.web.service import Service, service_of
from notifier.web.sign_up_pages import not_ours
from notifier.web.words import address_reason

log = structlog.get_logger()


def show(request: Request) -> Response:
    return _form_page(request, "")


def take(request: Request, form: Form) -> Response:
    typed = form.get("email")
    if note := not_ours(request, form):
        return _form_page(request, typed, note=note)
    try:
        address = clean_address(typed)
    except BadAddress as error:
        reason = address_reason(error) if typed else NO_ADDRESS
        return _form_page(request, typed, FieldError("email", reason))
    service = service_of(request)
    with service.engine.connect():
        pass  # without a database we promise nothing
    verdict = may_mail(request, address)
    after = BackgroundTask(send_links, service, address) if verdict == "ok" else None
    return refused(request, verdict) or page(request, "link_sent", address=mask_address(address), after=after)


def send_links(service: Service, address: str) -> None:
    """After the answer, so that the time it took says nothing. A link to what they follow, and one to what they
    have not confirmed yet, as whoever lost either link asks here."""
    now = service.clock()
    key = email_key(service.keys, address)
    bind = {"key": key, "since": now - LIFETIMES["confirm"]}
    with service.engine.begin() as conn:
        person = conn.execute(text(_SUBSCRIBER), bind).scalar_one_or_none()
        sign_up = conn.execute(text(_OPEN_SIGN_UP), bind).scalar_one_or_none()
        if sign_up is not None:  # sign-ups first, as an erasure holds them
            post_letter(conn, "confirm", now=now, sign_up_id=sign_up)
        if person is not None:
            post_letter(conn, "manage_link", now=now, subscriber_id=person)
    log.info("link_asked_for", letters=(person is not None) + (sign_up is not None))
    service.wake("letter")


_SUBSCRIBER = "SELECT id FROM subscribers WHERE email_key = :key AND email <> ''"
_OPEN_SIGN_UP = """
SELECT id FROM sign_ups
WHERE email_key = :key AND confirmed_at IS NULL AND refused_at IS NULL
  AND COALESCE(renewed_at, requested_at) > :since
ORDER BY requested_at DESC LIMIT 1
"""


def _form_page(request: Request, email: str, *errors: FieldError, note: Message | None = None) -> Response:
    token = service_of(request).form_token()
    status = 422 if errors else 200
    return page(request, "fresh_link", status, email=email, errors=errors, note=note, form_token=token)


routes = form_routes("/manage", show, take)
