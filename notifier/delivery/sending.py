"""Send what is due: claim, commit, call, record. No database connection is held during a call."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Engine

from notifier.delivery.claiming import ClaimedBatch, claim_batches
from notifier.delivery.providers import Outcome, OutgoingBatch, Provider, Recipient
from notifier.delivery.recording import record
from notifier.digests.content import EditionContent, RenderedMail
from notifier.digests.editions import load_editions
from notifier.digests.rendering import render
from notifier.errors import NotifierError
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings

CLAIM_BATCHES = 50  # at a time: one claim costs the same for one as for fifty
CALLS_IN_FLIGHT = 8

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
                claims = claim_batches(
                    self.engine, self.provider, now=self.clock(), limit=CLAIM_BATCHES, run_id=run_id
                )
                if not claims:
                    return False
                self._send(pool, claims)
        return True

    def _send(self, pool: ThreadPoolExecutor, claims: list[ClaimedBatch]) -> None:
        """Outcomes are recorded as they come, those that came together in one transaction."""
        with self.engine.connect() as conn:
            contents = load_editions(conn, [claim.edition_id for claim in claims])
        calls = {pool.submit(self._call, claim, contents[claim.edition_id]): claim for claim in claims}
        for done in _as_they_come(calls):
            now = self.clock()
            with self.engine.begin() as conn:
                record(conn, [(calls[call], call.result()) for call in done], now=now, settings=self.settings)

    def _call(self, claim: ClaimedBatch, content: EditionContent) -> Outcome:
        now = self.clock()
        if now + self.provider.longest_call > claim.lease_until:
            return Outcome("unreachable", reason="the lease would run out during the call", retry_at=now)
        try:
            mail = render(content, self.settings)
        except NotifierError as error:
            return Outcome("refused", reason=f"cannot be rendered: {error.message}")
        except Exception as error:
            # A fault of ours in one edition must not take the other calls down with it.
            log.exception("render_failed", batch=claim.batch_id)
            return Outcome("refused", reason=f"cannot be rendered: {type(error).__name__}")
        outcome = self._send_one(claim, mail, now)
        log.info("batch_sent", batch=claim.batch_id, attempt=claim.attempt, outcome=outcome.kind)
        return outcome

    def _send_one(self, claim: ClaimedBatch, mail: RenderedMail, now: datetime) -> Outcome:
        try:
            return self.provider.send(self._outgoing(claim, mail), now)
        except Exception as error:
            # Providers do not raise. Should one do so all the same, nobody knows how far it had come.
            log.error("provider_raised", batch=claim.batch_id, error=type(error).__name__)
            return Outcome("unknown", reason=f"fault in the provider's code: {type(error).__name__}")

    def _outgoing(self, claim: ClaimedBatch, mail: RenderedMail) -> OutgoingBatch:
        return OutgoingBatch(
            batch_id=claim.batch_id,
            subject=mail.subject,
            text=mail.text,
            html=mail.html,
            recipients=tuple(
                Recipient(person.delivery_id, person.email, self.links.url(person.public_id))
                for person in claim.recipients
            ),
        )


def _as_they_come(calls: dict[Future[Outcome], ClaimedBatch]) -> Iterator[set[Future[Outcome]]]:
    waiting = set(calls)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield done
