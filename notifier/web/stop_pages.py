"""The pages behind the links to stop, and back again."""

from uuid import UUID

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.withdrawing import undo_all, undo_one
from notifier.links.addresses import mask_address
from notifier.subscriptions.overview import Followed, Overview, overview
from notifier.web.pages import page
from notifier.web.service import service_of

log = structlog.get_logger()


def ask_page(request: Request, public_id: UUID, item: int | None, status: int = 200) -> Response:
    """Somebody who left, or whose data is erased, is told the same: there is nothing more to do.

    What it is about is named only beside a link that stood in a mail about it, and only while it is followed.
    """
    person = _person(request, public_id)
    if person is None or person.state != "active":
        return stopped_page(request, public_id, item, done=False)
    one = _followed(person, item)
    if item is not None and (one is None or one.ended_at):
        return stopped_page(request, public_id, item, done=False)
    return page(
        request, "stop", status, address=mask_address(person.email), one=one, all=stop_url(request, public_id)
    )


def stop_url(request: Request, public_id: UUID) -> str:
    service = service_of(request)
    return f"{service.root}/u/{service.links.token(public_id)}"


def stopped_page(
    request: Request, public_id: UUID, item: int | None, *, done: bool, after: BackgroundTask | None = None
) -> Response:
    """`done`: just now. Else it was before."""
    person = _person(request, public_id)
    if person is None:
        can_undo = False
    elif item is None or person.state == "stopped":
        can_undo = person.state == "stopped" and any(one.can_undo for one in person.subscriptions)
    else:
        one = _followed(person, item)
        can_undo = one is not None and one.can_undo
    others = bool(person and person.active)
    return page(
        request, "stopped" if done else "already_stopped", can_undo=can_undo, others=others, after=after
    )


def undo(request: Request, public_id: UUID, item: int | None) -> Response:
    service = service_of(request)
    now = service.clock()
    with service.engine.begin() as conn:
        person = overview(conn, public_id, now=now)
        one = _followed(person, item) if person and item is not None else None
        if person and person.state == "active" and one:
            result = undo_one(conn, public_id, one.public_id, via="page", now=now)
        else:
            result = undo_all(conn, public_id, via="page", now=now)
    log.info("undone", result=result, all=one is None)
    on_again = _person(request, public_id)
    return page(request, "undone" if on_again and on_again.active else "sign_up_again")


def _person(request: Request, public_id: UUID) -> Overview | None:
    service = service_of(request)
    with service.engine.connect() as conn:
        return overview(conn, public_id, now=service.clock())


def _followed(person: Overview, item: int | None) -> Followed | None:
    return next((one for one in person.subscriptions if one.target_id == item), None)
