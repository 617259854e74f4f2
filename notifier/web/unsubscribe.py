"""GET|HEAD|POST /u/{token} and /u/{token}/{item}. They need the database and nothing else: leaving works while all
the rest is down.

Mail providers post here for the reader (RFC 8058), from few addresses, without cookies, and follow no
redirect; scanners of links fetch the page. So only a POST that says what it wants changes anything.
"""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import structlog
from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from notifier.delivery.withdrawing import stop_one
from notifier.languages.catalogue import ENGLISH, language_of
from notifier.languages.messages import Message
from notifier.links.tokens import BadToken
from notifier.subscriptions.stopping import Stopped, stop_person
from notifier.web.confirm import bad_link
from notifier.web.forms import Form, PlainRoute, read_form, token_in
from notifier.web.leaving import PRESSES
from notifier.web.less_often import OFTEN, less_often_page, take_less_often
from notifier.web.mailing import post_receipt, wake_letters
from notifier.web.reader import find_reader
from notifier.web.service import Service, service_of
from notifier.web.stop_pages import already_stopped_page, ask_page, may_undo, stopped_page, undo

ONE_CLICK = ("List-Unsubscribe", "One-Click")
STOP = ("stop", "all")
UNDO = ("undo", "all")
DONE = Message("You are unsubscribed.")

_PRESSES = CapacityLimiter(PRESSES)

Via = Literal["one_click", "page"]

log = structlog.get_logger()


@dataclass(frozen=True)
class Link:
    """`item` is the target that a link beside one study or condition is about."""

    person: UUID
    item: int | None = None
    often: bool = False


def show(request: Request) -> Response:
    link = _read(request)
    if link is None:
        return bad_link(request)
    if link.often:
        return less_often_page(request, link.person)
    return ask_page(request, link.person, link.item)


def take(request: Request, form: Form) -> Response:
    link = _read(request)
    if link is None:
        return bad_link(request)
    if ONE_CLICK in form.pairs:
        return _answer(_stop(service_of(request), link, "one_click"))
    if link.often:
        return take_less_often(request, link.person, form)
    if STOP in form.pairs:
        return _stop_by_button(request, link)
    if UNDO in form.pairs and may_undo(request, link.person, form):
        return undo(request, link.person, link.item)
    return ask_page(request, link.person, link.item, 400)


def _stop_by_button(request: Request, link: Link) -> Response:
    result = _stop(service_of(request), link, "page").result
    if result != "stopped":
        find_reader(request, link.person)
        return already_stopped_page(request, known=result == "already")
    after = wake_letters(service_of(request)) if link.item is None else None
    return stopped_page(request, link.person, link.item, after=after)


def _read(request: Request) -> Link | None:
    service = service_of(request)
    token, _, rest = token_in(request).partition("/")
    try:
        person = service.links.read(token)
        if rest == OFTEN:
            return Link(person, often=True)
        return Link(person, service.items.read(rest) if rest else None)
    except BadToken:
        return None


async def post(request: Request) -> Response:
    form, link = await read_form(request), _read(request)
    if link and link.item is None and ONE_CLICK in form.pairs:
        return _answer(_log(await service_of(request).one_click.stop(link.person), link, "one_click"))
    if link and link.item is None and STOP in form.pairs:
        return await to_thread.run_sync(take, request, form, limiter=_PRESSES)
    return await run_in_threadpool(take, request, form)


def _answer(stopped: Stopped) -> Response:
    """Mail providers do not read it; a mail program may show it to its reader, whose language we know."""
    language = language_of(stopped.locale or ENGLISH)
    return PlainTextResponse(f"{DONE.told(language)}\n", headers={"content-language": language.locale})


def _stop(service: Service, link: Link, via: Via) -> Stopped:
    now = service.clock()
    with (service.engine if link.item is not None else service.leaving).begin() as conn:
        if link.item is not None:
            stopped = Stopped(stop_one(conn, link.person, link.item, via=via, now=now))
        else:
            stopped = stop_person(conn, link.person, reason=via, now=now)
        if via == "page" and link.item is None and stopped.result == "stopped":
            post_receipt(conn, link.person, now)
    return _log(stopped, link, via)


def _log(stopped: Stopped, link: Link, via: Via) -> Stopped:
    """Not a link of nobody (any more): an erased person's, or the one that doctor tries."""
    if stopped.result != "unknown":
        log.info("unsubscribed", result=stopped.result, via=via, all=link.item is None)
    return stopped


_PATH = "/u/{token:path}"
routes = [PlainRoute(_PATH, show, methods=["GET"]), PlainRoute(_PATH, post, methods=["POST"])]
