"""Calls over kept connections to one host, and what can be said of a call that got no answer.

Plain sockets rather than a client library: head and body leave in one write, which is a third of the CPU time a
call, and it is known for certain whether the whole request was handed over. No proxies, redirects or retries.
"""

import select
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from notifier.delivery.providers.http_answer import Answer, read_answer

CONNECT_SECONDS = 5
MOST_ADDRESSES = 2  # of a host with many; each is given CONNECT_SECONDS
WRITE_SECONDS = 15
READ_SECONDS = 20
IDLE_SECONDS = (
    20  # a connection idle for longer may be dead without our knowing; a call over it ends in doubt
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
        tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if tls else 80)
        self._context = ssl.create_default_context() if tls else None
        self._head = "".join(
            f"{name}: {value}\r\n" for name, value in {"Host": parts.netloc, **headers}.items()
        )
        self._lock = threading.Lock()
        self._free: list[tuple[socket.socket, float]] = []  # with the time of their last use

    def post(self, path: str, content: bytes) -> Answer:
        """Raises NoAnswer."""
        head = f"POST {path} HTTP/1.1\r\n{self._head}Content-Length: {len(content)}\r\n\r\n"
        try:
            line = self._take()
        except (OSError, ValueError) as error:
            raise NoAnswer(False, error) from None
        written = False
        try:
            _write(line, head.encode("ascii") + content)
            written = True
            answer = read_answer(line, READ_SECONDS)
        except (OSError, ValueError) as error:
            line.close()
            raise NoAnswer(written, error) from None
        self._put_back(line, answer.keep)
        return answer

    def _take(self) -> socket.socket:
        while True:
            with self._lock:
                if not self._free:
                    break
                line, used_at = self._free.pop()
            if time.monotonic() - used_at < IDLE_SECONDS and not _has_something_to_say(line):
                return line
            line.close()
        return self._connect()

    def _connect(self) -> socket.socket:
        found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)[:MOST_ADDRESSES]
        for place in found[:-1]:
            try:
                return self._connect_to(place[0], place[4])
            except OSError:
                continue
        return self._connect_to(found[-1][0], found[-1][4])

    def _connect_to(self, family: int, address: tuple[object, ...]) -> socket.socket:
        line = socket.socket(family, socket.SOCK_STREAM)
        try:
            line.settimeout(CONNECT_SECONDS)
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            line.connect(address)
            return self._context.wrap_socket(line, server_hostname=self._host) if self._context else line
        except BaseException:
            line.close()
            raise

    def _put_back(self, line: socket.socket, keep: bool) -> None:
        with self._lock:
            if keep and len(self._free) < MOST_IDLE_CONNECTIONS:
                self._free.append((line, time.monotonic()))
                return
        line.close()

    def close(self) -> None:
        with self._lock:
            free, self._free = self._free, []
        for line, _ in free:
            line.close()


def _has_something_to_say(line: socket.socket) -> bool:
    """On an idle connection that can only be its end, or an answer that nobody asked for."""
    poll = select.poll()
    poll.register(line, select.POLLIN)
    return bool(poll.poll(0))


def _write(line: socket.socket, data: bytes) -> None:
    """All of it, or an OSError. An encrypted socket takes it in pieces, each with a time-out of its own."""
    line.settimeout(WRITE_SECONDS)
    end = time.monotonic() + WRITE_SECONDS
    left = memoryview(data)
    while left:
        if time.monotonic() > end:
            raise TimeoutError
        left = left[line.send(left) :]
