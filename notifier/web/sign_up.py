"""GET|POST /subscribe, and the same inside a frame of the site's. Nothing starts before the mailed link is opened.

Whatever the address, the answer is the same, and so is the work: it tells nobody who is a subscriber.
"""

from dataclasses import replace
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.links.addresses import mask_address
from notifier.links.timed import LIFETIMES, OldToken
from notifier.links.tokens import BadToken
from notifier.subscriptions.signing_up import find_sign_up
from notifier.web.asking import placed, read_asked, read_link
from notifier.web.forms import Form, form_routes, query_of
from notifier.web.mailing import may_mail, refused, wake_letters
from notifier.web.negotiation import language_for
from notifier.web.pages import FRAMED
from notifier.web.service import Service, service_of
from notifier.web.sign_up_pages import OPEN_TOO_LONG, check_email_page, form_page, not_ours
from notifier.web.sign_ups import BadSignUp, checked, store_sign_up

AGAIN_AFTER = timedelta(seconds=60)
NO_ADDRESS = ""


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
        wanted = checked(service, asked.fields(language_for(request).locale, source))
    except BadSignUp as bad:
        return form_page(request, asked, [*asked.errors, *placed(bad.problems, asked)])
    if asked.errors:
        return form_page(request, asked, asked.errors)
    verdict = may_mail(request, wanted.email)
    if answer := refused(request, verdict):
        return answer
    token = service.form_links.token(store_sign_up(service, wanted, verdict), service.clock())
    return check_email_page(
        request, mask_address(wanted.email), token, asked.pairs(), after=wake_letters(service)
    )


def send_again(request: Request, form: Form) -> Response:
    """The answer, and when it may be asked for once more, are the same whatever became of the sign-up: confirmed,
    refused, or erased. So nothing but the token says whom it is about, and since when."""
    service = service_of(request)
    now = service.clock()
    asked = read_link(form, service.settings)
    token = form.get("sign_up")
    try:
        public_id = service.form_links.read(token, now)
    except BadToken:
        return form_page(request, asked, asked.errors, note=OPEN_TOO_LONG)
    if _is_young(service, token):
        return check_email_page(request, NO_ADDRESS, token, asked.pairs(), too_soon=True)
    with service.engine.connect() as conn:
        found = find_sign_up(conn, public_id)
    verdict = may_mail(request, found.email if found else str(public_id))
    if answer := refused(request, verdict):
        return answer
    if found and found.state == "open" and verdict == "ok":
        with service.engine.begin() as conn:
            post_letter(conn, "confirm", now=now, sign_up_id=found.id)
    token = service.form_links.token(public_id, now)
    return check_email_page(request, NO_ADDRESS, token, asked.pairs(), after=wake_letters(service))


def _is_young(service: Service, token: str) -> bool:
    """As if it were old enough to end but for this minute."""
    try:
        service.form_links.read(token, service.clock() + LIFETIMES["form"] - AGAIN_AFTER)
    except OldToken:
        return False
    return True


routes = [
    *form_routes("/subscribe", show, take),
    *form_routes(FRAMED, show, take),
    *form_routes("/subscribe/again", show, send_again),
]
