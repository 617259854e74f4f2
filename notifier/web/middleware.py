"""Around every request: how large it may be, which headers the answer has, and one log line without the path."""

from collections.abc import Sequence
from time import perf_counter

import structlog
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from notifier.web.cors import SIGN_UP_PATH
from notifier.web.pages import FRAMED
from notifier.web.problems import log_failure, problem
from notifier.web.styles import STYLE_HASH

MAX_FORM_BYTES = 64 << 10
MAX_API_BYTES = 32 << 20
CLIENT_WENT_AWAY = 499  # as nginx has it: before its request had come
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "cross-origin-opener-policy": "same-origin",
}

log = structlog.get_logger()


class SafeHeaders:
    """`framed_by`: the origins whose pages may show the sign-up form inside their own; nothing else is framed.

    A policy that an answer brings along stands.
    """

    def __init__(self, app: ASGIApp, framed_by: Sequence[str]) -> None:
        self._app = app
        self._headers = _raw_headers(["'none'"])
        self._framed = _raw_headers(framed_by or ["'none'"])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = self._framed if scope["path"] == FRAMED else self._headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(one for one in headers if one[0] not in own)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _raw_headers(ancestors: Sequence[str]) -> list[tuple[bytes, bytes]]:
    policy = (
        f"default-src 'none'; style-src '{STYLE_HASH}'; form-action 'self'; "
        f"frame-ancestors {' '.join(ancestors)}; base-uri 'none'"
    )
    headers = {"content-security-policy": policy, **SECURITY_HEADERS}
    return [(name.encode(), value.encode()) for name, value in headers.items()]


class HeadLikeGet:
    """HEAD is answered wherever GET is: the same work, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        inner = {**scope, "method": "GET"}
        await self._app(inner, receive, send_without_body)
        scope["route"] = inner.get("route")  # for the log


class Answered:
    """Calls `answered` when a request is over; its status is 500 where no answer had begun."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        start = perf_counter()

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        finally:
            self.answered(scope, status, round((perf_counter() - start) * 1000, 1))

    def answered(self, scope: Scope, status: int, milliseconds: float) -> None:
        raise NotImplementedError


class AccessLog(Answered):
    """The path may hold a token, and a token is a key to somebody's door: only the route's pattern is logged."""

    def answered(self, scope: Scope, status: int, milliseconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        log.info("request", method=scope["method"], route=route, status=status, ms=milliseconds)


class NoTraceback:
    """Innermost: what nobody expected becomes a page or a Problem, and the server never sees the exception.

    It would print it, with the values of the failed statement.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def send_and_note(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except ClientDisconnect:
            # Nobody is there to read an answer: its status is for the log and the counts.
            log.info("client_went_away")
            if not started:
                await Response(status_code=CLIENT_WENT_AWAY)(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            log_failure("request_failed", error)
            if not started:
                await problem(Request(scope), 500)(scope, receive, send)


def _limit(path: str) -> int:
    """What a stranger may send is small."""
    from_programs = path.startswith(("/v1/", "/webhooks/")) and not path.startswith(SIGN_UP_PATH)
    return MAX_API_BYTES if from_programs else MAX_FORM_BYTES


class BodyLimit:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit(scope["path"])
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            await problem(Request(scope), 413, limit=limit)(scope, receive, send)
            return
        read = 0

        async def receive_within_limit() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_within_limit, send)
