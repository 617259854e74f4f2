"""That it is the operator who presses a button: the browser knows the password and adds it to every request, also to
one that a page from elsewhere sends. So a form carries a token that only our own page holds, and the browser's word
on where it comes from is heard."""

import hashlib
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from itsdangerous import URLSafeSerializer
from starlette.requests import Request

from notifier.links.tokens import BadToken, load, make_signer
from notifier.settings_checks import on_this_machine
from notifier.web.forms import Form
from notifier.web.ops_login import LOCAL
from notifier.web.service import service_of

FIELD = "token"
LIFETIME = timedelta(hours=12)  # a form that lay open through a night shift


class ForeignForm(Exception):
    """`str()` says what to do, as the one who reads it may well be the operator."""


def form_token(request: Request, actor: str, now: datetime) -> str:
    return str(_signer(request).dumps([_short(actor), int(now.timestamp())]))


def refuse_foreign(request: Request, form: Form, actor: str, now: datetime) -> None:
    """Raises ForeignForm."""
    if not _from_here(request):
        raise ForeignForm("It was sent from another site. Open the page here and press the button here.")
    try:
        found = load(_signer(request), form.get(FIELD))
    except BadToken:
        found = None
    match found:
        case [str(made_by), int(seconds)] if made_by == _short(actor):
            age = now.timestamp() - seconds
        case _:
            raise ForeignForm("The form was not ours, or was not whole. Open the page and try once more.")
    if not -60 <= age <= LIFETIME.total_seconds():
        raise ForeignForm("The form is too old. Open the page and try once more.")


def refuse_rebound(request: Request, actor: str) -> None:
    """Without a login, pages are for this machine alone. A site whose name is made to point here could read them
    with its own visitors' browsers, but its name stands in Host. Raises ForeignForm."""
    if actor == LOCAL and not _is_loopback(request.headers.get("host", "")):
        raise ForeignForm("Without a login these pages are open on localhost alone.")


def _from_here(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    own = {request.headers.get("host", ""), urlsplit(service_of(request).settings.public_url).netloc}
    return origin is None or origin.partition("://")[2] in own - {""}


def _is_loopback(host: str) -> bool:
    try:
        return on_this_machine(f"http://{host}")
    except ValueError:
        return False


def _signer(request: Request) -> URLSafeSerializer:
    return make_signer(service_of(request).keys, "ops-form.v1")


def _short(actor: str) -> str:
    """A login may be long, and a token may not."""
    return hashlib.sha256(actor.encode()).hexdigest()[:32]
