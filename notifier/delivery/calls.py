"""One provider call for one claimed batch: render, call, and never raise for what can go wrong there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from notifier.delivery.claiming import ClaimedBatch
from notifier.delivery.contents import Content
from notifier.delivery.letters import Letter
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import Outcome, OutgoingBatch, Provider, Recipient
from notifier.digests.content import EditionContent, NothingToSay, RenderedMail
from notifier.digests.corrections import CorrectionContent, render_correction
from notifier.digests.letters import render_letter
from notifier.digests.rendering import render
from notifier.errors import NotifierError
from notifier.settings import Settings

log = structlog.get_logger()


@dataclass
class Calls:
    """The calls of one round of claims, made from many threads.

    `leases` (by batch) are moved on by the round. Once the provider has said that the whole account must wait,
    `halt` is what the calls not yet made answer.
    """

    provider: Provider
    links: MailLinks
    settings: Settings
    clock: Callable[[], datetime]
    leases: dict[int, datetime] = field(default_factory=dict)
    halt: Outcome | None = None
    took: timedelta = timedelta(0)
    """How long the last call took."""

    def make(self, claim: ClaimedBatch, content: Content | None) -> Outcome:
        """Raises NothingToSay for an edition in which all cancels out and for a letter without a reader, and
        nothing else."""
        if self.halt:
            return self.halt
        try:
            outgoing = self._outgoing(claim, content)
        except NothingToSay:
            raise
        except NotifierError as error:
            return Outcome("refused", reason=f"cannot be rendered: {error.message}")
        except Exception as error:
            # A fault of ours in one edition must not take the other calls down with it. Its message stays out
            # of the log: it may quote a study.
            log.error("render_failed", run=claim.run_id, batch=claim.batch_id, error=type(error).__name__)
            return Outcome("refused", reason=f"cannot be rendered: {type(error).__name__}")
        outcome = self._call(claim, outgoing)
        if outcome.kind in ("throttled", "account"):
            self.halt = Outcome(outcome.kind, reason=outcome.reason, retry_at=outcome.retry_at)
        return outcome

    def _call(self, claim: ClaimedBatch, outgoing: OutgoingBatch) -> Outcome:
        now = self.clock()
        if (
            now > self.leases[claim.batch_id]
        ):  # this process stood still: somebody else may have taken the batch
            return Outcome("unreachable", reason="the lease ran out before the call", retry_at=now)
        try:
            outcome = self.provider.send(outgoing, now)
            self.took = self.clock() - now
            return outcome
        except Exception as error:
            # Providers do not raise. Should one do so all the same, nobody knows how far it had come.
            log.error("provider_raised", run=claim.run_id, batch=claim.batch_id, error=type(error).__name__)
            return Outcome("unknown", reason=f"fault in the provider's code: {type(error).__name__}")

    def _outgoing(self, claim: ClaimedBatch, content: Content | None) -> OutgoingBatch:
        if content is None:
            raise NothingToSay("There is nobody left to read this letter.")
        if isinstance(content, Letter):
            return self._letter(claim, content)
        mail = self._shared(content)
        recipients = (
            Recipient(
                person.delivery_id, person.email, self.links.of_digest(person.public_id, claim.claimed_at)
            )
            for person in claim.recipients
        )
        return OutgoingBatch(claim.batch_id, mail.subject, mail.text, mail.html, tuple(recipients))

    def _shared(self, content: EditionContent | CorrectionContent) -> RenderedMail:
        if isinstance(content, CorrectionContent):
            return render_correction(content, self.settings)
        return render(content, self.settings, self.links.items.token)

    def _letter(self, claim: ClaimedBatch, letter: Letter) -> OutgoingBatch:
        mail, links = render_letter(letter.content, self.settings), self.links.of_letter(letter)
        recipients = tuple(Recipient(person.delivery_id, person.email, links) for person in claim.recipients)
        return OutgoingBatch(claim.batch_id, mail.subject, mail.text, mail.html, recipients, "account")
