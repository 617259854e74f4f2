"""GET /metrics, for Prometheus: all numbers from the database, so that any of several processes says the same."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Engine

from notifier.ops.metrics import as_text
from notifier.ops.numbers import take_numbers
from notifier.web.ops_guard import ForeignForm, refuse_rebound
from notifier.web.ops_login import require_operator
from notifier.web.problems import Problem, Refused
from notifier.web.service import service_of

FRESH_FOR = timedelta(seconds=10)
"""Several Prometheus servers, or a hasty one, cost the database no more than one look in this time."""
LONGEST_WAIT_SECONDS = 5
"""For somebody else's look. Whoever waits holds one of the threads that pages need."""

router = APIRouter(include_in_schema=False)


class NotNow(Exception):
    """A look takes long, or has just failed: another one would not help."""


@dataclass
class Scrape:
    """The last answer of this process. Whoever asks while it is being made waits for it, and shares its failure."""

    _text: bytes = b""
    _at: datetime | None = None
    _looks: int = 0  # that have ended
    _failed: bool = False  # the last of them
    _lock: Lock = field(default_factory=Lock)

    def text(self, engine: Engine, now: datetime) -> bytes:
        """Raises NotNow, and what the database has to say."""
        looks = self._looks
        if not self._lock.acquire(timeout=LONGEST_WAIT_SECONDS):
            raise NotNow
        try:
            if self._failed and self._looks != looks:
                raise NotNow
            if self._at is None or not timedelta(0) <= now - self._at < FRESH_FOR:
                self._look(engine, now)
            return self._text
        finally:
            self._lock.release()

    def _look(self, engine: Engine, now: datetime) -> None:
        self._at, self._failed = None, True
        try:
            self._text = as_text(take_numbers(engine, now=now))
            self._at, self._failed = now, False
        finally:
            self._looks += 1


def add_metrics(app: FastAPI) -> None:
    app.state.scrape = Scrape()
    app.include_router(router)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    try:
        refuse_rebound(request, require_operator(request))
    except ForeignForm as foreign:
        raise Refused(
            403, Problem(error=str(foreign), where="header.host", remedy="Ask 127.0.0.1, or set up a login.")
        ) from None
    service, scrape = service_of(request), request.app.state.scrape
    try:
        text = scrape.text(service.engine, service.clock())
    except NotNow:
        raise HTTPException(503) from None
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})
