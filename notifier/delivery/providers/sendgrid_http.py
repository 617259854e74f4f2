"""Calls over kept connections to one host, and what can be said of a call that got no answer.

A client of our own rather than one with a pool: it lets us see the one moment that counts, when the whole request
has been handed over. No proxies, redirects or retries.
"""

import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from notifier.delivery.providers.http_line import Answer, BadAnswer, Line

CONNECT_SECONDS = 5
WAIT_SECONDS = 20  # for the other side to take some of the request, or to give some of the answer
IDLE_SECONDS = (
    20  # idle for longer, a connection may be dead without our knowing; a call over it ends in doubt
)
MOST_IDLE_CONNECTIONS = 64


class NoAnswer(Exception):
    """`written`: the whole request had been handed over, so the server may have acted on it."""

    def __init__(self, written: bool, cause: Exception) -> None:
        self.written = written
        self.why = type(cause).__name__
        super().__init__(self.why)


class KeptConnections:
    """Safe for many threads: each call has a connection to itself, the one used last if any is free."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        self._context = ssl.create_default_context() if secure else None
        self._address = parts.hostname or "", parts.port or (443 if secure else 80)
        host = parts.netloc.rpartition("@")[2]
        self._head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": host, **headers}.items())
        self._lock = threading.Lock()
        self._free: list[tuple[Line, float]] = []  # with the time of their last use

    def post(self, path: str, content: bytes) -> Answer:
        """Raises NoAnswer."""
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        line, written = None, False
        try:
            line = self._take()
            line.write(head.encode() + content)
            written = True
            answer = line.read()
        except (OSError, BadAnswer, ValueError) as error:
            if line:
                line.close()
            raise NoAnswer(written, error) from None
        self._put_back(line, answer)
        return answer

    def _take(self) -> Line:
        """A live connection, else a new one."""
        while True:
            with self._lock:
                if not self._free:
                    break
                line, used_at = self._free.pop()
            if time.monotonic() - used_at < IDLE_SECONDS and not line.has_something_to_say():
                return line
            line.close()
        return Line(*self._address, self._context, connect_s=CONNECT_SECONDS, wait_s=WAIT_SECONDS)

    def _put_back(self, line: Line, answer: Answer) -> None:
        with self._lock:
            if not answer.is_last and len(self._free) < MOST_IDLE_CONNECTIONS:
                self._free.append((line, time.monotonic()))
                return
        line.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for line, _ in free:
            line.close()
