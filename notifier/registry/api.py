"""The registry's API, version 2: one polite caller."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import orjson
import urllib3

from notifier.errors import NotifierError

PAGE_SIZE = 200
"""The registry gives up to 1,000 at once, some 30 MB; a worker has more to do than to hold them."""
BETWEEN_CALLS = 1.0  # seconds: its robots.txt asks for that
FIRST_BACKOFF = 2.0  # seconds, doubled each time
MAX_BACKOFF = 120.0
MAX_PAGE = 1 << 28  # bytes
_TIMEOUT = urllib3.Timeout(connect=10, read=30)
_SHOWN = 200  # characters of a refusal

OK, BAD_REQUEST = 200, 400
NO_ANSWER = 0
_PASSING = (NO_ANSWER, 429, 500, 502, 503, 504)
_REMEDY = "What was taken in so far is stored; ask again later."

Pause = Callable[[float], None]


class RegistryError(NotifierError):
    """It cannot be reached (`status` is NO_ANSWER), refuses, or answers what it should not."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message, _REMEDY)
        self.status = status

    @property
    def is_about_the_question(self) -> bool:
        """So to ask it again is of no use. What else is refused may be a wall in between."""
        return self.status == BAD_REQUEST


class Page(NamedTuple):
    """It may be empty. `following` is the token of the next one; None: that was the last."""

    studies: list[Any]
    following: str | None


@dataclass(frozen=True, slots=True)
class _Answer:
    """`retry_after` in seconds, where the registry says so."""

    status: int
    body: bytes
    retry_after: float | None


class RegistryApi:
    """All raise RegistryError. `attempts` is how often one question is asked."""

    def __init__(self, url: str, *, attempts: int, pause: Pause) -> None:
        self._url = url
        self._attempts = attempts
        self._pause = pause
        self._pool = urllib3.PoolManager(
            timeout=_TIMEOUT, retries=False, headers={"Accept": "application/json"}
        )

    def data_timestamp(self) -> datetime:
        """When the registry's data were last renewed: on most working days, about 14:00 UTC."""
        written = str(self._get("/version", {}).get("dataTimestamp", ""))
        try:
            at = datetime.fromisoformat(written)
        except ValueError:
            raise RegistryError(f"{self._url}/version: the answer holds no dataTimestamp.", OK) from None
        return at.replace(tzinfo=at.tzinfo or UTC)  # it is UTC, and does not say so

    def posted_since(self, since: date, token: str | None) -> Page:
        """Studies whose last update was posted on or after `since`."""
        query = {
            "format": "json",
            "filter.advanced": f"AREA[LastUpdatePostDate]RANGE[{since},MAX]",
            "pageSize": str(PAGE_SIZE),
        }
        return self._page(query, token)

    def studies(self, nct_ids: Sequence[str]) -> list[Any]:
        """Of these ids (PAGE_SIZE at most), those that the registry has."""
        query = {"format": "json", "filter.ids": ",".join(nct_ids), "pageSize": str(PAGE_SIZE)}
        page = self._page(query, None)
        found = page.studies
        for _ in nct_ids:  # more pages than ids would be none
            if not page.following:
                break
            page = self._page(query, page.following)
            found += page.studies
        return found

    def _page(self, query: dict[str, str], token: str | None) -> Page:
        self._pause(BETWEEN_CALLS)
        page = self._get("/studies", query | ({"pageToken": token} if token else {}))
        studies, following = page.get("studies"), page.get("nextPageToken")
        if not isinstance(studies, list):
            raise RegistryError(f"{self._url}/studies: the answer holds no list of studies.", OK)
        if following and following == token:
            raise RegistryError(f"{self._url}/studies: the page {token!r} leads to itself.", OK)
        return Page(studies, str(following) if following else None)

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        wait = FIRST_BACKOFF
        for attempt in range(1, self._attempts + 1):
            answer = self._ask(path, query)
            if answer.status == OK:
                return _object(self._url + path, answer.body)
            if attempt == self._attempts or answer.status not in _PASSING:
                break
            self._pause(answer.retry_after or wait)
            wait = min(2 * wait, MAX_BACKOFF)
        raise RegistryError(f"{self._url}{path}: {_refusal(answer)}.", answer.status)

    def _ask(self, path: str, query: Mapping[str, str]) -> _Answer:
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
        raise RegistryError(f"{address}: the answer is not the JSON object it should be.", OK)
    return value


def _refusal(answer: _Answer) -> str:
    """Refusals are plain text."""
    said = " ".join(answer.body[:_SHOWN].decode(errors="replace").split())
    what = f"status {answer.status}" if answer.status else "no answer"
    return f"{what}: {said}" if said else what


def _retry_after(headers: Mapping[str, str]) -> float | None:
    given = headers.get("Retry-After", "")
    return min(float(given), MAX_BACKOFF) if given.isascii() and given.isdigit() else None
