"""Kept connections to one host, and what can be said of a call that got no answer."""

import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

CONNECT_SECONDS = 5
WRITE_SECONDS = 15
READ_SECONDS = 20
IDLE_SECONDS = 20
MOST_IDLE_CONNECTIONS = 64  # more calls at once get connections of their own, which are closed after


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes


class NoAnswer(Exception):
    """`written`: the whole request had been handed over, so the server may have acted on it."""

    def __init__(self, written: bool, why: str) -> None:
        super().__init__(why)
        self.written = written
        self.why = why


class _Fresh(HTTPConnection):
    """A connection idle for long may be dead without our knowing; a call over it would end in doubt."""

    _used_at = 0.0

    @property
    def is_connected(self) -> bool:
        return time.monotonic() - self._used_at < IDLE_SECONDS and super().is_connected

    def request(self, *args: Any, **kwargs: Any) -> None:
        self.timeout = WRITE_SECONDS
        super().request(*args, **kwargs)

    def getresponse(self) -> urllib3.HTTPResponse:  # type: ignore[override]
        self._used_at = time.monotonic()
        return super().getresponse()


class _FreshTls(_Fresh, HTTPSConnection):
    pass


class _Body:
    """The request's body, which knows whether all of it was handed to the connection."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.written = False

    def __iter__(self) -> Iterator[bytes]:
        yield self._content
        self.written = True


class KeptConnections:
    """Safe for many threads. No retries, no redirects, no proxy from the environment."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        options: dict[str, Any] = {"maxsize": MOST_IDLE_CONNECTIONS, "block": False, "headers": headers}
        if url.startswith("https:"):
            options["ssl_context"] = ssl.create_default_context()
        self._pool = urllib3.connection_from_url(
            url,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=False,
            **options,
        )
        self._pool.ConnectionCls = _FreshTls if url.startswith("https:") else _Fresh
        self._headers = dict(headers)

    def post(self, path: str, content: bytes) -> Answer:
        """Raises NoAnswer."""
        body = _Body(content)
        headers = {**self._headers, "Content-Length": str(len(content))}
        try:
            answer = self._pool.urlopen("POST", path, body=body, headers=headers, redirect=False)
        except (HTTPError, OSError) as error:
            raise NoAnswer(body.written, type(error).__name__) from None
        return Answer(answer.status, answer.headers, answer.data)

    def close(self) -> None:
        self._pool.close()
