"""Count how requests end that come with a link of a mail, what the webhook turns away, and wrong logins of operators.

A rate of links that we reject tells of keys that were changed wrongly; one failed unsubscribe is one too many.
Only the first part of the path is looked at: the rest is a token.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Engine
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Scope

from notifier.ops.tallies import Tallies
from notifier.web.middleware import Answered
from notifier.web.service import utc_now

FLUSH_AFTER_SECONDS = 5
LINKS = {"u": "unsubscribe", "confirm": "confirm", "manage": "manage"}
WEBHOOK = "webhooks"
FOR_OPERATORS = ("ops", "metrics")
LOGINS = {401: "wrong", 429: "limited"}
BAD_LINK, OLD_LINK = 400, 410


class LinkCounts(Answered):
    def __init__(
        self,
        app: ASGIApp,
        engine: Engine,
        flush_after: float = FLUSH_AFTER_SECONDS,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__(app)
        self._engine = engine
        self._flush_after = flush_after
        self._clock = clock
        self._tallies = Tallies()
        self._flushing: asyncio.Task[None] | None = None

    def answered(self, scope: Scope, status: int, milliseconds: float) -> None:
        first, _, rest = scope["path"].removeprefix("/").partition("/")
        if first == WEBHOOK:
            name, label = "webhook", _rejection(status)
        elif first in LINKS and rest and "{token" in getattr(scope.get("route"), "path", ""):
            name, label = LINKS[first], _link_outcome(status)
        elif first in FOR_OPERATORS and status in LOGINS and _has_login(scope):
            name, label = "operator_login", LOGINS[status]
        else:
            return
        if label:
            self._note(name, label)

    def _note(self, name: str, label: str) -> None:
        self._tallies.add(name, label)
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        """Until all is written, however long the database is away: nobody need come by again for that."""
        while not self._tallies.is_empty():
            try:
                await asyncio.sleep(self._flush_after)
            finally:  # also when the server stops
                await run_in_threadpool(self._tallies.flush, self._engine, now=self._clock())


def _has_login(scope: Scope) -> bool:
    """A browser's first request comes without."""
    return any(name == b"authorization" for name, _ in scope["headers"])


def _link_outcome(status: int) -> str | None:
    """None for what says nothing about the link: a wrong method, a body too large, a reader who went away."""
    if status >= 500:
        return "failed"
    if status < 400:
        return "accepted"
    return {BAD_LINK: "rejected", OLD_LINK: "expired"}.get(status)


def _rejection(status: int) -> str | None:
    return {403: "bad_signature", 400: "malformed"}.get(status, "failed" if status >= 500 else None)
