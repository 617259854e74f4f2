"""One round: the calls for what was claimed together. A few are begun at a time, and recorded as they end.

That a call is about to be made is committed before it is made. So a killed process leaves in doubt only the few
calls that it had begun; the rest of its claims can be taken over as soon as their lease has run out. One that is told
to stop leaves neither: it gives the rest back and waits for its calls.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import Executor, Future, wait
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Engine

from notifier.delivery import brakes
from notifier.delivery.calls import Calls
from notifier.delivery.claiming import LEASE, ClaimedBatch, begin_calls, give_back, renew_leases
from notifier.delivery.contents import Content, load_contents
from notifier.delivery.persisting import persist
from notifier.delivery.providers import Outcome
from notifier.delivery.recording import record, skip_all
from notifier.digests.content import NothingToSay

CALLS_IN_FLIGHT = 8  # a process
RECORD_EVERY = timedelta(milliseconds=20)  # short: a kill leaves in doubt what is not recorded
SHORTEST = timedelta(milliseconds=1)
RENEW_EVERY = timedelta(seconds=10)

log = structlog.get_logger()

Call = Future[Outcome]
Ended = list[tuple[ClaimedBatch, Call]]


class Round:
    def __init__(
        self,
        engine: Engine,
        pool: Executor,
        calls: Calls,
        claims: list[ClaimedBatch],
        pace: int,
        stop: Callable[[], bool],
    ) -> None:
        self._engine, self._pool, self._calls = engine, pool, calls
        self._pace, self._stop = pace, stop
        self._waiting = deque(claims)
        self._under_way: dict[Call, ClaimedBatch] = {}
        self._renew_at = calls.clock() + RENEW_EVERY
        self._contents: dict[int, Content] = {}

    def run(self) -> int:
        """How many calls end within RECORD_EVERY, of late: the next round begins with this pace."""
        self._contents = persist(self._engine, lambda conn: load_contents(conn, self._waiting))
        try:
            while self._waiting or self._under_way:
                if self._stop():
                    self._give_back()
                done, _ = wait(self._under_way, RECORD_EVERY.total_seconds())
                self._turn(done)
        finally:
            for call in self._under_way:  # something is wrong: what has not been called is not to be
                call.cancel()
        return self._pace

    def _give_back(self) -> None:
        """All that no thread has begun with, so that other workers need not wait for its lease."""
        unbegun = [self._under_way.pop(call) for call in list(self._under_way) if call.cancel()]
        unbegun += self._waiting
        self._waiting.clear()
        if unbegun:
            persist(self._engine, lambda conn: give_back(conn, unbegun))
            log.info("claims_given_back", batches=len(unbegun))

    def _turn(self, done: Collection[Call]) -> None:
        """In one transaction: record what has ended, keep what is ours, begin the next.

        As many more are begun than can be under way as will have ended by the next turn, so that no thread waits
        for it: with quick calls many, with slow ones, which would be in doubt while they wait, hardly any.
        """
        now = self._calls.clock()
        ended = [(self._under_way.pop(call), call) for call in done]
        if done:
            self._pace = int(CALLS_IN_FLIGHT * RECORD_EVERY / max(self._calls.took, SHORTEST))
        room = max(0, CALLS_IN_FLIGHT + self._pace - len(self._under_way))
        following = [self._waiting.popleft() for _ in range(min(room, len(self._waiting)))]
        kept = [*self._under_way.values(), *self._waiting] if now >= self._renew_at else []
        if not (ended or following or kept):
            return
        held, begun = persist(self._engine, lambda conn: self._write(conn, ended, kept, following, now))
        if kept:
            self._renew_at = now + RENEW_EVERY
        self._calls.leases.update(dict.fromkeys(held | begun, now + LEASE))
        for claim in following:
            if claim.batch_id in begun:
                call = self._pool.submit(self._calls.make, claim, self._contents.get(claim.batch_id))
                self._under_way[call] = claim

    def _write(
        self,
        conn: Connection,
        ended: Ended,
        kept: list[ClaimedBatch],
        following: list[ClaimedBatch],
        now: datetime,
    ) -> tuple[set[int], set[int]]:
        self._record(conn, ended, now)
        held = renew_leases(conn, kept, now + LEASE) if kept else set()
        begun = begin_calls(conn, following, now, now + LEASE) if following else set()
        return held, begun

    def _record(self, conn: Connection, ended: Ended, now: datetime) -> None:
        results = []
        for claim, call in ended:
            if isinstance(call.exception(), NothingToSay):
                skip_all(conn, claim, "erased" if claim.is_letter else "what changed was changed back", now)
            else:
                results.append((claim, call.result()))
        record(conn, results, now=now, settings=self._calls.settings)
        refused = any(outcome.kind != "accepted" for _, outcome in results)
        if refused and (reason := brakes.reason_of(conn, "breaker")):
            self._calls.halt = Outcome("account", reason=reason)
        _log(results)


def _log(results: Iterable[tuple[ClaimedBatch, Outcome]]) -> None:
    """One line for all that ended alike: a line for each would be written while the calls wait for their next."""
    alike: dict[tuple[int | None, str, int], list[int]] = defaultdict(list)
    for claim, outcome in results:
        alike[claim.run_id, outcome.kind, claim.attempt].append(claim.batch_id)
        if named := [str(id_) for id_ in (*outcome.refused, *outcome.deferred, *outcome.unknown)]:
            log.info("deliveries_named", run=claim.run_id, batch=claim.batch_id, deliveries=named)
    for (run, kind, attempt), batches in alike.items():
        log.info("batches_sent", run=run, outcome=kind, attempt=attempt, batches=batches)
