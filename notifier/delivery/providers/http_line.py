"""One connection to an HTTP/1.1 server, for one call after the other.

Lean, as every call goes through it: the standard library's client takes a call apart and an answer together like
an e-mail, which costs more than TLS does. What we need of HTTP is one request in one piece, and an answer whose
end is certain.
"""

import select
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

MOST_BODY_BYTES = 1_048_576
MOST_LINE_BYTES = 65_536
MOST_HEADERS = 200
RECEIVE_BYTES = 65_536


class BadAnswer(Exception):
    """What came is no HTTP, is cut off, or is far too long."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case. `is_last`: this connection will carry no other."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_last: bool = False


class Line:
    """Raises OSError where the network fails, BadAnswer for what is no answer. Close it after either."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None, *, connect_s: float, wait_s: float
    ) -> None:
        self.sock = socket.create_connection((host, port), connect_s)
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                self.sock = context.wrap_socket(self.sock, server_hostname=host)
            self.sock.settimeout(wait_s)
        except BaseException:
            self.sock.close()
            raise
        self._incoming = Incoming(self.sock)

    def write(self, request: bytes) -> None:
        """All of it has been handed over once this returns."""
        self.sock.sendall(request)

    def read(self) -> Answer:
        """The answer to a request that was written; no word in between (100, 103) is one."""
        while (head := _head(self._incoming))[1] < 200:
            pass
        version, status, headers = head
        body, is_whole = _body(self._incoming, status, headers)
        stays = version == b"HTTP/1.1" and headers.get("connection", "").lower() != "close"
        return Answer(status, headers, body, is_last=not (is_whole and stays) or self._incoming.has_more)

    def has_something_to_say(self) -> bool:
        """On an idle connection that can only be its end, or an answer that nobody asked for."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        self.sock.close()


class Incoming:
    """What has come and has not been read yet."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._unread = b""

    @property
    def has_more(self) -> bool:
        return bool(self._unread)

    def line(self) -> bytes:
        while b"\n" not in self._unread:
            if len(self._unread) > MOST_LINE_BYTES or not self._receive():
                raise BadAnswer
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")

    def exactly(self, size: int) -> bytes:
        while len(self._unread) < size:
            if not self._receive():
                raise BadAnswer
        found, self._unread = self._unread[:size], self._unread[size:]
        return found

    def rest(self, most: int) -> bytes:
        while len(self._unread) < most and self._receive():
            pass
        return self._unread[:most]

    def _receive(self) -> bool:
        data = self._sock.recv(RECEIVE_BYTES)
        self._unread += data
        return bool(data)


def _head(incoming: Incoming) -> tuple[bytes, int, dict[str, str]]:
    version, _, rest = incoming.line().partition(b" ")
    if not version.startswith(b"HTTP/1.") or not rest[:3].isdigit():
        raise BadAnswer
    headers: dict[str, str] = {}
    for _ in range(MOST_HEADERS):
        line = incoming.line()
        if not line:
            return version, int(rest[:3]), headers
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    raise BadAnswer


def _body(incoming: Incoming, status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """With whether its end was reached and is known, so that the next answer begins there."""
    if status in (204, 304):
        return b"", True
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return _chunks(incoming)
    if "content-length" not in headers:
        return incoming.rest(MOST_BODY_BYTES), False
    length = _number(headers["content-length"], 10)
    return incoming.exactly(min(length, MOST_BODY_BYTES)), length <= MOST_BODY_BYTES


def _chunks(incoming: Incoming) -> tuple[bytes, bool]:
    body = b""
    while size := _number(incoming.line().partition(b";")[0].decode("latin-1"), 16):
        body += incoming.exactly(min(size, MOST_BODY_BYTES - len(body)))
        if len(body) == MOST_BODY_BYTES:
            return body, False
        incoming.line()
    while incoming.line():  # what follows the last chunk is of no use to us
        pass
    return body, True


def _number(text: str, base: int) -> int:
    try:
        number = int(text.strip(), base)
    except ValueError:
        raise BadAnswer from None
    if number < 0:
        raise BadAnswer
    return number
