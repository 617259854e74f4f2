"""What a form brought, in either encoding."""

from collections.abc import Callable, Sequence
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from notifier.web.negotiation import LANG, ask_for

MAX_FIELDS = 50

Pair = tuple[str, str]


class Form:
    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.pairs = list(pairs)

    def get(self, name: str) -> str:
        """The first value, "" where there is none."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name and value]


async def read_form(request: Request) -> Form:
    """The fields; none where there is no form."""
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
        return Form([])
    except ValueError:  # too many
        return Form([])
    return Form([(name, _clean(value)) for name, value in pairs if isinstance(value, str)])


def query_of(request: Request) -> Form:
    pairs = request.query_params.multi_items()[:MAX_FIELDS]
    return Form([(name, _clean(value)) for name, value in pairs])


def _clean(value: str) -> str:
    """PostgreSQL holds no NUL, and no half of a character, which some charsets of a multipart form can say."""
    return value.encode("utf-8", "replace").decode().replace("\0", "").strip()


class PlainRoute(Route):
    """Nothing on a page needs FastAPI's machinery, and mail providers post thousands at once."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = super().matches(scope)
        return match, {**found, "route": self} if match is not Match.NONE else found  # for the log


def form_routes(
    path: str, show: Callable[[Request], Response], take: Callable[[Request, Form], Response]
) -> list[BaseRoute]:
    """GET shows, POST takes; both run in a thread, as they ask the database."""

    async def post(request: Request) -> Response:
        form = await read_form(request)
        ask_for(request, form.get(LANG))
        return await run_in_threadpool(take, request, form)

    return [PlainRoute(path, show, methods=["GET"]), PlainRoute(path, post, methods=["POST"])]


def token_in(request: Request) -> str:
    """The rest of the path, without what mail apps take for a part of the link."""
    token: str = request.path_params["token"]
    return token.rstrip("/.,;:)>]'\"")
