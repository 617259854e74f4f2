"""GET|POST /confirm/{token}: what was asked for, and one button that starts it. It is never limited."""

from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.links.addresses import mask_address
from notifier.links.timed import LIFETIMES, OldToken
from notifier.links.tokens import BadToken
from notifier.subscriptions.signing_up import SignUpView, confirm, find_sign_up, refuse, renew
from notifier.web.forms import Form, Pair, form_routes, token_in
from notifier.web.mailing import may_mail, post_welcome, refused, wake_letters
from notifier.web.negotiation import read_by
from notifier.web.pages import page
from notifier.web.service import service_of
from notifier.web.sign_up_pages import check_email_page

log = structlog.get_logger()


def show(request: Request) -> Response:
    service = service_of(request)
    try:
        public_id = service.confirm_links.read(token_in(request), service.clock())
    except OldToken as old:
        return _too_old(request, old.public_id)
    except BadToken:
        return bad_link(request)
    found = _find(request, public_id)
    if found is None:
        return _too_old(request, public_id)
    if found.state == "open":
        return page(
            request,
            "confirm",
            address=mask_address(found.email),
            choices=found.choices,
            frequency=found.frequency,
        )
    return _settled(request, "", found)


def take(request: Request, form: Form) -> Response:
    """Only our own buttons do anything: some scanners of links post as well."""
    service = service_of(request)
    now = service.clock()
    try:
        public_id = service.confirm_links.read(token_in(request), now)
    except OldToken as old:
        return (
            _renew(request, old.public_id) if form.get("do") == "again" else _too_old(request, old.public_id)
        )
    except BadToken:
        return bad_link(request)
    if form.get("do") == "refuse":
        with service.engine.begin() as conn:
            done = refuse(conn, public_id, now=now)
        log.info("sign_up_refused", done=done)
        return _settled(request, "refused" if done else "", _find(request, public_id))
    if form.get("do") != "confirm":
        return show(request)
    with service.engine.begin() as conn:
        result = confirm(conn, public_id, now=now)
        if result.state == "confirmed" and result.subscriber_public_id:
            post_welcome(service, conn, result.subscriber_public_id)
    log.info("sign_up_confirmed", result=result.state)
    return _settled(request, result.state, _find(request, public_id))


def bad_link(request: Request) -> Response:
    return page(request, "bad_link", 400, form_token=service_of(request).form_token())


def _settled(request: Request, outcome: str, found: SignUpView | None) -> Response:
    """Where it stands now, in whatever order the buttons were pressed.

    Only the press that has just started it leads right into the person's own page: mails get forwarded, and this
    link would open that page for as long as it lives.
    """
    if found is None:
        return page(request, "old_link", 410, days=LIFETIMES["confirm"].days, can_renew=False)
    if "refused" in (outcome, found.state):
        return page(request, "refused")
    if found.state == "stopped" or found.subscriber_public_id is None:
        return page(request, "stopped_meanwhile", wishes=_wishes(found))
    if outcome != "confirmed":
        return page(request, "already_on")
    service = service_of(request)
    token = service.manage_links.token(found.subscriber_public_id, service.clock())
    after = wake_letters(service) if service.settings.welcome_mail else None
    return page(request, "confirmed", manage=f"{service.root}/manage/{token}", after=after)


def _too_old(request: Request, public_id: UUID) -> Response:
    found = _find(request, public_id)
    can_renew = found is not None and found.state == "open"
    return page(request, "old_link", 410, days=LIFETIMES["confirm"].days, can_renew=can_renew)


def _renew(request: Request, public_id: UUID) -> Response:
    service = service_of(request)
    found = _find(request, public_id)
    if found is None or found.state != "open":
        return _too_old(request, public_id)
    verdict = may_mail(request, found.email)
    if verdict == "ok":
        now = service.clock()
        with service.engine.begin() as conn:
            if sign_up_id := renew(conn, public_id, now=now):
                post_letter(conn, "confirm", now=now, sign_up_id=sign_up_id)
    token = service.form_links.token(public_id, service.clock())
    return refused(request, verdict) or check_email_page(
        request, mask_address(found.email), token, _wishes(found), after=wake_letters(service)
    )


def _find(request: Request, public_id: UUID) -> SignUpView | None:
    with service_of(request).engine.connect() as conn:
        found = find_sign_up(conn, public_id)
    if found:
        read_by(request, found.locale)
    return found


def _wishes(found: SignUpView) -> list[Pair]:
    names = {"study": lambda one: one.key, "condition": lambda one: one.label}
    return [(one.kind, names[one.kind](one)) for one in found.choices] + [("frequency", found.frequency)]


routes = form_routes("/confirm/{token:path}", show, take)
