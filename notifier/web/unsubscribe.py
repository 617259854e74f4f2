"""GET|HEAD|POST /u/{token}. It needs the database and nothing else: leaving works while all the rest is down.

Mail providers post here for the reader (RFC 8058), from few addresses, without cookies, and follow no
redirect; scanners of links fetch the page. So only a POST that says what it wants changes anything.
"""

from urllib.parse import parse_qsl
from uuid import UUID

import structlog
from sqlalchemy import text
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route
from starlette.types import Scope

from notifier.links.addresses import mask_address
from notifier.links.tokens import BadToken
from notifier.subscriptions.stopping import StopResult, stop_all
from notifier.web.pages import page
from notifier.web.service import Service, service_of

ONE_CLICK = ("List-Unsubscribe", "One-Click")
OUR_BUTTON = ("stop", "all")
MAX_FIELDS = 50
_GLUED_ON = "/.,;:)>]'\""  # what mail apps take for a part of the link

log = structlog.get_logger()


async def ask(request: Request) -> Response:
    public_id = _read(request)
    if public_id is None:
        return page(request, "bad_link", 400)
    return await run_in_threadpool(_ask_page, request, public_id, 200)


async def stop(request: Request) -> Response:
    public_id = _read(request)
    if public_id is None:
        return page(request, "bad_link", 400)
    fields = await _fields(request)
    if ONE_CLICK in fields:
        await run_in_threadpool(_stop, service_of(request), public_id, "one_click")
        return PlainTextResponse("You are unsubscribed.\n")
    if OUR_BUTTON in fields:
        result = await run_in_threadpool(_stop, service_of(request), public_id, "page")
        return page(request, "stopped" if result == "stopped" else "already_stopped")
    return await run_in_threadpool(_ask_page, request, public_id, 400)


def _read(request: Request) -> UUID | None:
    try:
        return service_of(request).links.read(request.path_params["token"].rstrip(_GLUED_ON))
    except BadToken:
        return None


async def _fields(request: Request) -> list[tuple[str, str]]:
    """The pairs of a form in either encoding; none where there is no form."""
    try:
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            async with request.form(max_files=MAX_FIELDS, max_fields=MAX_FIELDS) as form:
                pairs = form.multi_items()
        else:
            body = (await request.body()).decode("utf-8", errors="replace")
            pairs = [*parse_qsl(body, max_num_fields=MAX_FIELDS)]
    except HTTPException as error:
        if error.status_code == 413:
            raise
        return []
    except ValueError:  # too many
        return []
    return [(name, value.strip()) for name, value in pairs if isinstance(value, str)]


def _stop(service: Service, public_id: UUID, reason: str) -> StopResult:
    with service.engine.begin() as conn:
        result = stop_all(conn, public_id, reason=reason, now=service.clock())
    log.info("unsubscribed", result=result, reason=reason)
    return result


def _ask_page(request: Request, public_id: UUID, status: int) -> Response:
    """Somebody who left, or whose data is erased, is told the same: there is nothing more to do."""
    with service_of(request).engine.connect() as conn:
        person = conn.execute(
            text("SELECT email FROM subscribers WHERE public_id = :public_id AND state = 'active'"),
            {"public_id": public_id},
        ).one_or_none()
    if person is None:
        return page(request, "already_stopped", 200)
    return page(request, "stop", status, address=mask_address(person.email), button=OUR_BUTTON)


class _Plain(Route):
    """Mail providers post thousands at once, and nothing here needs FastAPI's machinery."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if match is not Match.NONE else found  # for the log


routes = [_Plain("/u/{token:path}", ask, methods=["GET"]), _Plain("/u/{token:path}", stop, methods=["POST"])]
