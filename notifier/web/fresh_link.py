"""GET|POST /manage: "send me a fresh link". The same answer, as fast, whether or not the address is known."""

from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.links_asked import ask_for_links
from notifier.languages.messages import Message
from notifier.links.addresses import BadAddress, clean_address, mask_address
from notifier.links.keys import email_key
from notifier.web.asking import NO_ADDRESS, FieldError
from notifier.web.forms import Form, form_routes
from notifier.web.mailing import may_mail, refused, wake_letters
from notifier.web.pages import page
from notifier.web.service import service_of
from notifier.web.sign_up_pages import not_ours
from notifier.web.words import address_reason


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
    verdict = may_mail(request, address)
    if answer := refused(request, verdict):
        return answer
    key, now = email_key(service.keys, address), service.clock()
    with service.engine.begin() as conn:
        ask_for_links(conn, key, enough=verdict == "address", now=now)
    return page(request, "link_sent", address=mask_address(address), after=wake_letters(service))


def _form_page(request: Request, email: str, *errors: FieldError, note: Message | None = None) -> Response:
    token = service_of(request).form_token()
    status = 422 if errors else 200
    return page(request, "fresh_link", status, email=email, errors=errors, note=note, form_token=token)


routes = form_routes("/manage", show, take)
