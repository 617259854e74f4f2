"""GET|POST /subscribe, and the same inside a frame of the site's. Nothing starts before the mailed link is opened.

Whatever the address, the answer is the same, and so is the work: it tells nobody who is a subscriber.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.links.tokens import BadToken
from notifier.subscriptions.signing_up import SignUpRequest, find_sign_up, request_sign_up
from notifier.web.asking import Asked, placed, read_asked, read_link
from notifier.web.forms import Form, form_routes, query_of
from notifier.web.mailing import last_confirm_letter, may_mail, refused, wake_letters
from notifier.web.pages import FRAMED
from notifier.web.service import service_of
from notifier.web.sign_up_pages import LOCALE, OPEN_TOO_LONG, check_email_page, form_page, not_ours
from notifier.web.sign_ups import BadSignUp, checked

AGAIN_AFTER = timedelta(seconds=60)


def show(request: Request) -> Response:
    asked = read_link(query_of(request), service_of(request).settings)
    return form_page(request, asked, asked.errors)


def take(request: Request, form: Form) -> Response:
    if form.get("do") == "again":
        return send_again(request, form)
    service = service_of(request)
    asked = read_asked(form, service.settings)
    if note := not_ours(request, form):
        if note != OPEN_TOO_LONG:  # another site's page may have ticked the boxes
            asked = replace(asked, terms="", health="")
        return form_page(request, asked, asked.errors, note=note)
    source = "embed" if request.url.path == FRAMED else "page"
    try:
        wanted = checked(service, asked.fields(LOCALE, source))
    except BadSignUp as bad:
        return form_page(request, asked, [*asked.errors, *placed(bad.problems, asked)])
    if asked.errors:
        return form_page(request, asked, asked.errors)
    verdict = may_mail(request, wanted.email)
    return refused(request, verdict) or _sign_up(request, wanted, asked, write=verdict == "ok")


def _sign_up(request: Request, wanted: SignUpRequest, asked: Asked, *, write: bool) -> Response:
    """An address that has been written to enough is signed up all the same: "send it again" has the mail sent."""
    service = service_of(request)
    now = service.clock()
    with service.engine.begin() as conn:
        sign_up_id = request_sign_up(conn, wanted, settings=service.settings, keys=service.keys, now=now)
        if write:
            post_letter(conn, "confirm", now=now, sign_up_id=sign_up_id)
        public_id: UUID = conn.execute(
            text("SELECT public_id FROM sign_ups WHERE id = :id"), {"id": sign_up_id}
        ).scalar_one()
    return check_email_page(request, wanted.email, public_id, asked.pairs(), after=wake_letters(service))


def send_again(request: Request, form: Form) -> Response:
    """The answer is the same whether or not the link has been used meanwhile."""
    service = service_of(request)
    now = service.clock()
    asked = read_link(form, service.settings)
    try:
        public_id = service.form_links.read(form.get("sign_up"), now)
    except BadToken:
        return form_page(request, asked, asked.errors, note=OPEN_TOO_LONG)
    with service.engine.connect() as conn:
        found = find_sign_up(conn, public_id)
        last = last_confirm_letter(conn, found.id) if found else None
    if found is None:
        return form_page(request, asked, asked.errors, note=OPEN_TOO_LONG)
    if now - (last or found.requested_at) < AGAIN_AFTER:
        return check_email_page(request, found.email, public_id, asked.pairs(), too_soon=True)
    verdict = may_mail(request, found.email)
    if verdict == "ok" and found.state == "open":
        with service.engine.begin() as conn:
            post_letter(conn, "confirm", now=now, sign_up_id=found.id)
    return refused(request, verdict) or check_email_page(
        request, found.email, public_id, asked.pairs(), after=wake_letters(service)
    )


routes = [
    *form_routes("/subscribe", show, take),
    *form_routes(FRAMED, show, take),
    *form_routes("/subscribe/again", show, send_again),
]
