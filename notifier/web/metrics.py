"""GET /metrics, for Prometheus: all numbers from the database, so that any of several processes says the same."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import Engine

from notifier.ops.metrics import as_text
from notifier.ops.numbers import take_numbers
from notifier.web.ops_login import require_operator
from notifier.web.service import service_of

FRESH_FOR = timedelta(seconds=10)
"""Several Prometheus servers, or a hasty one, cost the database no more than one look in this time."""

router = APIRouter(include_in_schema=False)


@dataclass
class Scrape:
    """The last answer of this process; whoever asks while it is being made waits for it."""

    _text: bytes = b""
    _at: datetime | None = None
    _lock: Lock = field(default_factory=Lock)

    def text(self, engine: Engine, now: datetime) -> bytes:
        with self._lock:
            if self._at is None or not timedelta(0) <= now - self._at < FRESH_FOR:
                self._text = as_text(take_numbers(engine, now=now))
                self._at = now
            return self._text


def add_metrics(app: FastAPI) -> None:
    app.state.scrape = Scrape()
    app.include_router(router)


@router.get("/metrics")
def metrics(request: Request) -> Response:
    require_operator(request)
    service, scrape = service_of(request), request.app.state.scrape
    text = scrape.text(service.engine, service.clock())
    return Response(text, headers={"content-type": CONTENT_TYPE_LATEST})
