"""Send what is due: claim, commit, call, record. No database connection is held during a call."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from notifier.delivery.calls import Calls
from notifier.delivery.claiming import LEASE, ClaimedBatch, claim_batches, renew_leases
from notifier.delivery.providers import Outcome, Provider
from notifier.delivery.recording import record, skip_all
from notifier.digests.content import NothingToSay
from notifier.digests.editions import load_editions
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings

CLAIM_BATCHES = 50  # at a time: one claim costs the same for one as for fifty
CALLS_IN_FLIGHT = 8
RECORD_EVERY = timedelta(milliseconds=20)  # short: a kill leaves in doubt what is not recorded
RENEW_EVERY = timedelta(seconds=10)
RATE_PAUSE = timedelta(milliseconds=200)  # until the bucket holds a mail again

log = structlog.get_logger()


@dataclass(frozen=True)
class Sender:
    """What a process that sends keeps between calls. `clock` gives the time, in UTC."""

    engine: Engine
    provider: Provider
    links: UnsubscribeLinks
    settings: Settings
    clock: Callable[[], datetime]

    def send_due(self, *, until: datetime, run_id: int | None = None) -> bool:
        """Send due batches until none is left or time is up. True if there may be more."""
        with ThreadPoolExecutor(CALLS_IN_FLIGHT, thread_name_prefix="send") as pool:
            while self.clock() < until:
                now = self.clock()
                claims = claim_batches(
                    self.engine, self.provider, now=now, limit=CLAIM_BATCHES, run_id=run_id
                )
                if claims is None:
                    time.sleep(RATE_PAUSE.total_seconds())
                    continue
                if not claims:
                    return False
                self._send(pool, claims, lease_until=now + LEASE)
        return True

    def _send(self, pool: ThreadPoolExecutor, claims: list[ClaimedBatch], lease_until: datetime) -> None:
        """The outcomes of a moment are recorded in one transaction: one for each would cost as much as its call."""
        with self.engine.connect() as conn:
            contents = load_editions(conn, [claim.edition_id for claim in claims])
        calls = Calls(self.provider, self.links, self.settings, self.clock, lease_until)
        under_way = {pool.submit(calls.make, claim, contents[claim.edition_id]): claim for claim in claims}
        while under_way:
            done, _ = wait(under_way, RECORD_EVERY.total_seconds())
            if done:
                self._record([(under_way.pop(call), call) for call in done])
            if under_way and self.clock() > calls.lease_until - LEASE + RENEW_EVERY:
                calls.lease_until = self.clock() + LEASE
                renew_leases(self.engine, under_way.values(), calls.lease_until)

    def _record(self, ended: list[tuple[ClaimedBatch, Future[Outcome]]]) -> None:
        now = self.clock()
        with self.engine.begin() as conn:
            empty = [claim for claim, call in ended if isinstance(call.exception(), NothingToSay)]
            for claim in empty:
                skip_all(conn, claim, "what changed was changed back", now)
            results = [(claim, call.result()) for claim, call in ended if claim not in empty]
            record(conn, results, now=now, settings=self.settings)
        for claim, outcome in results:
            log.info("batch_sent", batch=claim.batch_id, attempt=claim.attempt, outcome=outcome.kind)
