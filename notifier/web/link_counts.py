"""Count how requests end that come with a link of a mail, and what the webhook turns away.

A rate of links that we reject tells of keys that were changed wrongly; one failed unsubscribe is one too many.
Only the first part of the path is looked at: the rest is a token.
"""

import asyncio

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Scope

from notifier.ops.tallies import Tallies
from notifier.web.middleware import Answered

FLUSH_AFTER_SECONDS = 5
LINKS = {"u": "unsubscribe", "confirm": "confirm", "manage": "manage"}
WEBHOOK = "webhooks"


class LinkCounts(Answered):
    def __init__(self, app: ASGIApp, engine: Engine, flush_after: float = FLUSH_AFTER_SECONDS) -> None:
        super().__init__(app)
        self._engine = engine
        self._flush_after = flush_after
        self._tallies = Tallies()
        self._flushing: asyncio.Task[None] | None = None

    def answered(self, scope: Scope, status: int, milliseconds: float) -> None:
        first = "".join(scope["path"].split("/", 2)[1:2])
        if first == WEBHOOK:
            name, label = "webhook", _rejection(status)
        elif first in LINKS:
            name, label = LINKS[first], _link_outcome(status)
        else:
            return
        if label:
            self._note(name, label)

    def _note(self, name: str, label: str) -> None:
        self._tallies.add(name, label)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        try:
            await asyncio.sleep(self._flush_after)
        finally:  # also when the server stops
            await run_in_threadpool(self._tallies.flush, self._engine)


def _link_outcome(status: int) -> str:
    if status == 410:
        return "expired"
    if status >= 400:
        return "failed" if status >= 500 else "rejected"
    return "accepted"


def _rejection(status: int) -> str | None:
    return {403: "bad_signature", 400: "malformed"}.get(status, "failed" if status >= 500 else None)
