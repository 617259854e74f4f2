"""Calls over kept connections to one host, and what can be said of a call that got no answer.

The standard library's client rather than one with a pool of its own: it lets us see the one moment that counts,
when the whole request has been handed over. No proxies, redirects or retries.
"""

import http.client
import select
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

CONNECT_SECONDS = 5
WRITE_SECONDS = 15
READ_SECONDS = 20
IDLE_SECONDS = (
    20  # idle for longer, a connection may be dead without our knowing; a call over it ends in doubt
)
MOST_IDLE_CONNECTIONS = 64
MOST_BODY_BYTES = 1_048_576


class NoAnswer(Exception):
    """`written`: the whole request had been handed over, so the server may have acted on it."""

    def __init__(self, written: bool, cause: Exception) -> None:
        self.written = written
        self.why = type(cause).__name__
        super().__init__(self.why)


@dataclass(frozen=True, slots=True)
class Answer:
    """Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class KeptConnections:
    """Safe for many threads: each call has a connection to itself, the one used last if any is free."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port
        self._context = ssl.create_default_context() if parts.scheme == "https" else None
        self._headers = dict(headers)
        self._lock = threading.Lock()
        self._free: list[tuple[http.client.HTTPConnection, float]] = []  # with the time of their last use

    def post(self, path: str, content: bytes) -> Answer:
        """Raises NoAnswer."""
        line, written = self._take(), False
        try:
            if line.sock is None:
                line.connect()
            line.sock.settimeout(WRITE_SECONDS)
            line.request("POST", path, content, self._headers)
            written = True
            line.sock.settimeout(READ_SECONDS)
            response = line.getresponse()
            answer = Answer(response.status, _lower(response), response.read(MOST_BODY_BYTES))
            reusable = response.isclosed() and not response.will_close
        except (OSError, http.client.HTTPException, ValueError) as error:
            line.close()
            raise NoAnswer(written, error) from None
        self._put_back(line, reusable)
        return answer

    def _take(self) -> http.client.HTTPConnection:
        """A live connection, or a new one that is not open yet."""
        while True:
            with self._lock:
                if not self._free:
                    return self._new()
                line, used_at = self._free.pop()
            if time.monotonic() - used_at < IDLE_SECONDS and not _has_something_to_say(line):
                return line
            line.close()

    def _new(self) -> http.client.HTTPConnection:
        if self._context:
            return http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_SECONDS, context=self._context
            )
        return http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_SECONDS)

    def _put_back(self, line: http.client.HTTPConnection, reusable: bool) -> None:
        with self._lock:
            if reusable and len(self._free) < MOST_IDLE_CONNECTIONS:
                self._free.append((line, time.monotonic()))
                return
        line.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for line, _ in free:
            line.close()


def _lower(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _has_something_to_say(line: http.client.HTTPConnection) -> bool:
    """On an idle connection that can only be its end, or an answer that nobody asked for."""
    if line.sock is None:
        return True
    poll = select.poll()
    poll.register(line.sock, select.POLLIN)
    return bool(poll.poll(0))
