"""The pages behind the links to stop, and back again."""

from uuid import UUID

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.withdrawing import UndoResult, undo_all, undo_one
from notifier.links.addresses import mask_address
from notifier.links.tokens import BadToken
from notifier.subscriptions.overview import Followed, Overview
from notifier.web.forms import Form
from notifier.web.pages import page
from notifier.web.reader import find_reader, reader
from notifier.web.service import service_of

log = structlog.get_logger()


def ask_page(request: Request, public_id: UUID, item: int | None, status: int = 200) -> Response:
    """What it is about is named only beside a link that stood in a mail about it, and only while it is followed."""
    person = find_reader(request, public_id)
    if person is None or person.state != "active":
        return already_stopped_page(request, known=person is not None)
    one = _followed(person, item)
    if item is not None and (one is None or one.ended_at):
        return already_stopped_page(request, known=True)
    return page(
        request, "stop", status, address=mask_address(person.email), one=one, all=stop_url(request, public_id)
    )


def stop_url(request: Request, public_id: UUID) -> str:
    service = service_of(request)
    return f"{service.root}/u/{service.links.token(public_id)}"


def stopped_page(
    request: Request, public_id: UUID, item: int | None, *, after: BackgroundTask | None = None
) -> Response:
    """Just now. Only this page has a button to undo it, which works for a day: the link itself never ends, and mails
    get forwarded."""
    person = find_reader(request, public_id)
    ended = [one for one in person.subscriptions if item in (None, one.target_id)] if person else []
    service = service_of(request)
    return page(
        request,
        "stopped",
        undo=service.form_links.token(public_id, service.clock())
        if any(one.can_undo for one in ended)
        else "",
        others=bool(person and person.active),
        after=after,
    )


def already_stopped_page(request: Request, *, known: bool) -> Response:
    """Where nobody is known by this link any more, they may have signed up anew, with other links."""
    return page(request, "already_stopped", known=known)


def may_undo(request: Request, public_id: UUID, form: Form) -> bool:
    service = service_of(request)
    try:
        return service.form_links.read(form.get("form"), service.clock()) == public_id
    except BadToken:
        return False


def undo(request: Request, public_id: UUID, item: int | None) -> Response:
    try:
        result = _undo(request, public_id, item)
    except LookupError:  # erased
        return already_stopped_page(request, known=False)
    log.info("undone", result=result, all=item is None)
    person = find_reader(request, public_id)
    if result == "undone" or (result == "nothing" and _stands(person, item)):
        return page(request, "undone")
    return (
        already_stopped_page(request, known=True) if result == "nothing" else page(request, "sign_up_again")
    )


def _undo(request: Request, public_id: UUID, item: int | None) -> UndoResult:
    """What stopped one thing brings back that one alone. Raises LookupError for people who are gone."""
    service = service_of(request)
    now = service.clock()
    with service.engine.begin() as conn:
        if item is None:
            return undo_all(conn, public_id, via="page", now=now)
        person = reader(request, conn, public_id)
        if person is None:
            raise LookupError
        one = _followed(person, item)
        return undo_one(conn, public_id, one.public_id, via="page", now=now) if one else "nothing"


def _stands(person: Overview | None, item: int | None) -> bool:
    """A second press of the button finds nothing to undo either."""
    return person is not None and any(item in (None, one.target_id) for one in person.active)


def _followed(person: Overview, item: int | None) -> Followed | None:
    return next((one for one in person.subscriptions if one.target_id == item), None)
