"""Short HTTP questions to others. An error's own words are not passed on: they may hold a key or an address."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import urllib3

TIMEOUT = urllib3.Timeout(connect=3, read=5, total=7)
MOST_BYTES = 1_000_000


class Unreachable(Exception):
    """Its words say why, and are fit for everybody."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """None where it is no JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None

    @property
    def date(self) -> datetime | None:
        """Exact to a second."""
        try:
            return parsedate_to_datetime(self.headers["date"])
        except (KeyError, ValueError):
            return None


def ask(
    url: str, *, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
) -> Answer:
    """One call; redirects are not followed. Raises Unreachable."""
    try:
        with urllib3.PoolManager(retries=False, timeout=TIMEOUT) as pool:
            answer = pool.request(
                method, url, headers=dict(headers or {}), body=body, redirect=False, preload_content=False
            )
            found = Answer(answer.status, answer.headers, answer.read(MOST_BYTES))
            answer.release_conn()
            return found
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        raise Unreachable(_why(error)) from None


def _why(error: Exception) -> str:
    known = {
        "NameResolutionError": "its name is not known to DNS here",
        "NewConnectionError": "nobody answers there, or the connection is refused",
        "ConnectTimeoutError": "no connection within 3 seconds",
        "ReadTimeoutError": "no answer within 5 seconds",
        "SSLError": "its certificate is not trusted here",
        "ProtocolError": "the connection broke off",
    }
    return known.get(type(error).__name__, type(error).__name__)
