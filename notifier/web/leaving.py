"""Who leaves by one click. Mail providers post thousands at once: those who come together are stopped together."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from anyio import CapacityLimiter, to_thread
from psycopg.errors import LockNotAvailable
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

from notifier.subscriptions.stopping import Stopped, stop_free, stop_person

TOGETHER = 200
PATIENCE = timedelta(seconds=1)  # for what others hold of somebody here: all the rest would wait as well
THREADS = 10
PRESSES = 5
"""Of the page's button at once. However often one person presses it, those who leave by one click have connections."""

Answer = asyncio.Future[Stopped | None]


class Leaving:
    """Has threads of its own, and connections that it shares with the page's button alone: whatever the other pages
    wait for, somebody who leaves does not.

    One turn at a time takes all who wait, so that their number makes it no slower; who is held by somebody
    else waits alone.
    """

    def __init__(self, engine: Engine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._alone = CapacityLimiter(THREADS - 1)
        self._together = CapacityLimiter(1)
        self._waiting: list[tuple[UUID, Answer]] = []
        self._turns: asyncio.Task[None] | None = None

    async def stop(self, person: UUID) -> Stopped:
        """Raises what the database does."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((person, answer))
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._take_turns())
        stopped = await answer
        if stopped is None:
            stopped = await to_thread.run_sync(self._stop_alone, person, limiter=self._alone)
        return stopped

    async def _take_turns(self) -> None:
        while self._waiting:
            turn, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            try:
                people = [person for person, _ in turn]
                done = await to_thread.run_sync(self._stop_together, people, limiter=self._together)
            except Exception as error:
                for _, answer in turn:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for person, answer in turn:
                    if not answer.done():
                        answer.set_result(done.get(person))

    def _stop_together(self, people: list[UUID]) -> dict[UUID, Stopped]:
        try:
            with self._engine.begin() as conn:
                conn.execute(text(f"SET LOCAL lock_timeout = {PATIENCE // timedelta(milliseconds=1)}"))
                return stop_free(conn, people, reason="one_click", now=self._clock())
        except OperationalError as error:
            if isinstance(error.orig, LockNotAvailable):
                return {}
            raise

    def _stop_alone(self, person: UUID) -> Stopped:
        with self._engine.begin() as conn:
            return stop_person(conn, person, reason="one_click", now=self._clock())
