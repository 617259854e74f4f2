"""As much HTTP/1.1 as a mail API needs, with the means to fail in the middle: small, so that it is fast."""

import asyncio
import socket
import struct
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Protocol
from urllib.parse import urlsplit

MOST_HEAD_BYTES = 64_000
MOST_BODY_BYTES = 32_000_000


@dataclass
class Request:
    method: str
    path: str
    query: str
    headers: dict[str, str]  # names in lower case
    body: bytes = b""
    plan: Any = None  # what the app decided when it saw the head


@dataclass
class Response:
    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


class Reset(Exception):
    """Tear the connection down, with an RST."""


class Hang(Exception):
    """Say nothing more on this connection."""


class App(Protocol):
    connections: int
    open_connections: int

    def saw_head(self, request: Request) -> None: ...

    def handle(self, request: Request) -> Awaitable[Response]: ...


class Connection(asyncio.Protocol):
    def __init__(self, app: App) -> None:
        self.app = app
        self.buffer = bytearray()
        self.request: Request | None = None
        self.wanted = 0
        self.task: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.app.connections += 1
        self.app.open_connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.app.open_connections -= 1

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._advance()

    def _advance(self) -> None:
        if self.task is not None:
            return
        try:
            if self.request is None:
                self._read_head()
            if self.request is not None and len(self.buffer) >= self.wanted:
                self.request.body = bytes(self.buffer[: self.wanted])
                del self.buffer[: self.wanted]
                self.task = asyncio.get_running_loop().create_task(self._answer(self.request))
        except Reset:
            self.reset()

    def _read_head(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self.buffer) > MOST_HEAD_BYTES:
                self.reset()
            return
        first, *lines = self.buffer[:end].decode("latin-1").split("\r\n")
        del self.buffer[: end + 4]
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        parts = urlsplit(target)
        self.wanted = int(headers.get("content-length", "0"))
        self.request = Request(method, parts.path, parts.query, headers)
        self.app.saw_head(self.request)
        if self.wanted > MOST_BODY_BYTES:
            self._write(Response(413), close=True)

    async def _answer(self, request: Request) -> None:
        try:
            response = await self.app.handle(request)
        except Reset:
            self.reset()
            return
        except Hang:
            return
        self._write(response, close=request.headers.get("connection", "").lower() == "close")
        self.task = self.request = None
        self._advance()

    def _write(self, response: Response, close: bool) -> None:
        head = [
            f"HTTP/1.1 {response.status} {_phrase(response.status)}",
            f"Content-Length: {len(response.body)}",
        ]
        if response.body:
            head.append(f"Content-Type: {response.content_type}")
        head += [f"{name}: {value}" for name, value in response.headers.items()]
        if close:
            head.append("Connection: close")
        self.transport.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + response.body)
        if close:
            self.transport.close()

    def reset(self) -> None:
        raw = self.transport.get_extra_info("socket")
        with suppress(AttributeError, OSError):  # it is gone already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"
