"""Reading an HTTP/1.1 answer (RFC 9112) from a socket."""

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

MOST_HEAD_BYTES = 65_536
MOST_BODY_BYTES = 1_048_576
CHUNK = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case. `keep`: the connection can be used for another call."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    keep: bool


def read_answer(line: socket.socket, seconds: float) -> Answer:
    """Raises OSError when the line is lost or slow, ValueError for what is not HTTP or beyond measure."""
    reader = _Reader(line, seconds)
    status, version, headers = _read_head(reader)
    while 100 <= status < 200:
        status, version, headers = _read_head(reader)
    body, keep = _read_body(reader, status, headers)
    keep = keep and version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
    return Answer(status, headers, body, keep and not reader.buffer)


def _read_head(reader: "_Reader") -> tuple[int, str, dict[str, str]]:
    first, *lines = reader.until(b"\r\n\r\n", MOST_HEAD_BYTES).decode("latin-1").split("\r\n")
    version, status, *_ = first.split(" ", 2)
    if not version.startswith("HTTP/1.") or not (len(status) == 3 and status.isascii() and status.isdigit()):
        raise ValueError("not HTTP")
    pairs = (line.partition(":") for line in lines)
    return int(status), version, {name.lower(): value.strip() for name, _, value in pairs}


def _read_body(reader: "_Reader", status: int, headers: Mapping[str, str]) -> tuple[bytes, bool]:
    """The body, and whether its end was said, so that the connection is in a known state."""
    if status in (204, 304):
        return b"", True
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(reader), True
    if "content-length" in headers:
        return reader.exactly(int(headers["content-length"])), True
    return reader.to_the_end(), False


def _read_chunks(reader: "_Reader") -> bytes:
    body = b""
    while size := int(reader.until(b"\r\n", MOST_HEAD_BYTES).partition(b";")[0], 16):
        body += reader.exactly(size)
        reader.exactly(2)
        if len(body) > MOST_BODY_BYTES:
            raise ValueError("body too long")
    while reader.until(b"\r\n", MOST_HEAD_BYTES):
        pass  # trailers say nothing that matters here
    return body


class _Reader:
    def __init__(self, line: socket.socket, seconds: float) -> None:
        self._line = line
        self._end = time.monotonic() + seconds
        line.settimeout(seconds)
        self.buffer = b""

    def until(self, mark: bytes, most: int) -> bytes:
        """What stands before the mark; the mark is consumed."""
        while (at := self.buffer.find(mark)) < 0:
            if len(self.buffer) > most:
                raise ValueError("no end of the head")
            self._more()
        found, self.buffer = self.buffer[:at], self.buffer[at + len(mark) :]
        return found

    def exactly(self, count: int) -> bytes:
        if not 0 <= count <= MOST_BODY_BYTES:
            raise ValueError("body too long")
        while len(self.buffer) < count:
            self._more()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def to_the_end(self) -> bytes:
        try:
            while len(self.buffer) <= MOST_BODY_BYTES:
                self._more()
        except ConnectionAbortedError:
            return self.buffer
        raise ValueError("body too long")

    def _more(self) -> None:
        if time.monotonic() > self._end:
            raise TimeoutError
        data = self._line.recv(CHUNK)
        if not data:
            raise ConnectionAbortedError("closed by the server")
        self.buffer += data
