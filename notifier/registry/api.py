"""The registry's API, version 2: one polite caller."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import orjson
import urllib3

from notifier.errors import NotifierError

PAGE_SIZE = 1000  # the most the registry gives at once
BETWEEN_CALLS = 1.0  # seconds: its robots.txt asks for that
ATTEMPTS = 5
FIRST_BACKOFF = 2.0  # seconds, doubled each time
MAX_BACKOFF = 120.0
MAX_PAGE = 1 << 30  # bytes; real pages of a thousand studies have some 30 MB
_TIMEOUT = urllib3.Timeout(connect=10, read=120)
_SHOWN = 200  # characters of a refusal

OK = 200
NO_ANSWER = 0
_PASSING = (NO_ANSWER, 429, 500, 502, 503, 504)
_REMEDY = "What was taken in so far is stored; ask again later."

Pause = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class _Answer:
    """`retry_after` in seconds, where the registry says so."""

    status: int
    body: bytes
    retry_after: float | None


class RegistryApi:
    """Raises NotifierError where the registry cannot be reached or refuses."""

    def __init__(self, url: str, pause: Pause) -> None:
        self._url = url
        self._pause = pause
        self._pool = urllib3.PoolManager(
            timeout=_TIMEOUT, retries=False, headers={"Accept": "application/json"}
        )
        self._called = False

    def data_timestamp(self) -> str:
        """When the registry's data were last renewed: on most working days, about 14:00 UTC."""
        return str(self._get("/version", {}).get("dataTimestamp", ""))

    def posted_since(self, since: date) -> Iterator[list[Any]]:
        """Pages of studies whose last update was posted on or after `since`. A page may be empty."""
        query = {
            "format": "json",
            "filter.advanced": f"AREA[LastUpdatePostDate]RANGE[{since},MAX]",
            "pageSize": str(PAGE_SIZE),
        }
        while True:
            page = self._get("/studies", query)
            studies = page.get("studies")
            if not isinstance(studies, list):
                raise NotifierError(f"{self._url}/studies: the answer holds no list of studies.", _REMEDY)
            yield studies
            token = page.get("nextPageToken")
            if not token:
                return
            query["pageToken"] = str(token)

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        wait = FIRST_BACKOFF
        for attempt in range(1, ATTEMPTS + 1):
            if self._called:
                self._pause(BETWEEN_CALLS)
            answer = self._ask(path, query)
            if answer.status == OK:
                return _object(self._url + path, answer.body)
            if attempt == ATTEMPTS or answer.status not in _PASSING:
                break
            self._pause(answer.retry_after or wait)
            wait = min(2 * wait, MAX_BACKOFF)
        raise NotifierError(f"{self._url}{path}: {_refusal(answer)}.", _REMEDY)

    def _ask(self, path: str, query: Mapping[str, str]) -> _Answer:
        self._called = True
        try:
            response = self._pool.request("GET", self._url + path, fields=query, preload_content=False)
            try:
                return _Answer(response.status, response.read(MAX_PAGE), _retry_after(response.headers))
            finally:
                response.release_conn()
        except urllib3.exceptions.HTTPError as error:
            return _Answer(NO_ANSWER, type(error).__name__.encode(), None)


def _object(address: str, body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise NotifierError(f"{address}: the answer is not the JSON object it should be.", _REMEDY)
    return value


def _refusal(answer: _Answer) -> str:
    """Refusals are plain text."""
    said = " ".join(answer.body[:_SHOWN].decode(errors="replace").split())
    what = f"status {answer.status}" if answer.status else "no answer"
    return f"{what}: {said}" if said else what


def _retry_after(headers: Mapping[str, str]) -> float | None:
    given = headers.get("Retry-After", "")
    return min(float(given), MAX_BACKOFF) if given.isascii() and given.isdigit() else None
