"""Send what is due: claim, commit, call, record. No database connection is held during a call."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from notifier.delivery.calls import Calls
from notifier.delivery.claiming import ClaimedBatch, claim_batches, claim_letters
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import Provider
from notifier.delivery.rounds import CALLS_IN_FLIGHT, Round
from notifier.settings import Settings

# At a time. A claim costs the same for one as for many, and an event that stands in many editions is read once. What
# is not begun when time is up is given back, so that nobody's consent is older than that when their mail goes.
CLAIM_BATCHES = 200
RATE_PAUSE = timedelta(milliseconds=200)  # until the bucket holds a mail again


@dataclass(frozen=True)
class Sender:
    """What a process that sends keeps between calls. `clock` gives the time, in UTC.

    Once `stop` says so, no more calls are begun: those under way end, and what was claimed for later is given back.
    """

    engine: Engine
    provider: Provider
    links: MailLinks
    settings: Settings
    clock: Callable[[], datetime]
    stop: Callable[[], bool] = lambda: False

    def send_due(self, *, until: datetime, run_id: int | None = None) -> bool:
        """Send due batches until none is left, time is up or `stop` says so. True if there may be more."""
        rate = self.settings.send_rate

        def claim(now: datetime) -> list[ClaimedBatch] | None:
            return claim_batches(
                self.engine, self.provider, now=now, limit=CLAIM_BATCHES, per_second=rate, run_id=run_id
            )

        return self._send(until, claim)

    def send_letters(self, *, until: datetime) -> bool:
        """As `send_due`, for letters alone."""
        rate = self.settings.send_rate

        def claim(now: datetime) -> list[ClaimedBatch]:
            return claim_letters(self.engine, self.provider, now=now, limit=CLAIM_BATCHES, per_second=rate)

        return self._send(until, claim)

    def _send(self, until: datetime, claim: Callable[[datetime], list[ClaimedBatch] | None]) -> bool:
        pace = 0
        with ThreadPoolExecutor(CALLS_IN_FLIGHT, thread_name_prefix="send") as pool:
            while not self._is_over(until):
                claims = claim(self.clock())
                if claims is None:
                    time.sleep(RATE_PAUSE.total_seconds())
                    continue
                if not claims:
                    return False
                calls = Calls(self.provider, self.links, self.settings, self.clock)
                pace = Round(self.engine, pool, calls, claims, pace, lambda: self._is_over(until)).run()
        return True

    def _is_over(self, until: datetime) -> bool:
        return self.clock() >= until or self.stop()
