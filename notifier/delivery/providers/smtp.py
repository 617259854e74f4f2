"""Mail over SMTP: one transaction per person, since each mail has its own link."""

import smtplib
import ssl
import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from notifier.delivery.providers.mime import SharedMail
from notifier.delivery.providers.people import batch_problem, sendable
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.smtp_pool import Line, SmtpPool
from notifier.delivery.providers.smtp_server import NoTls, Server
from notifier.delivery.providers.smtp_talk import Ended, no_line, talk
from notifier.delivery.providers.types import Outcome, OutcomeKind, OutgoingBatch, Recipient

TIME_FOR_A_BATCH = timedelta(seconds=60)
LOST = (OSError, smtplib.SMTPException, NoTls)


class SmtpProvider:
    """`most_recipients` is small: after a crash in the middle of a batch, all of it is in doubt."""

    name = "smtp"
    repeatable = False
    most_recipients = 20

    def __init__(self, server: Server, sender: Sender, context: ssl.SSLContext | None = None) -> None:
        self._sender = sender
        self._pool = SmtpPool(server, context or ssl.create_default_context(), sender.host)

    def send(self, batch: OutgoingBatch, now: datetime) -> Outcome:
        if reason := batch_problem(batch):
            return Outcome("refused", reason=reason)
        people, refused = sendable(batch)
        tally = _Tally(refused)
        mail = SharedMail(batch, self._sender, now)
        end = time.monotonic() + TIME_FOR_A_BATCH.total_seconds()
        with self._pool.line() as line:
            for number, person in enumerate(people):
                late = time.monotonic() > end
                ended = _out_of_time() if late else self._deliver(line, person, mail)
                if ended.stop:
                    tally.stop(ended, people[number:])
                    break
                tally.add(person, ended)
        return tally.outcome()

    def _deliver(self, line: Line, person: Recipient, mail: SharedMail) -> Ended:
        """A line that was fine a moment ago may have been closed by the server; a fresh one gets the mail."""
        message, sender = mail.for_person(person), self._sender.mailbox.email
        try:
            smtp, used = line.ready()
            ended = _talk(line, smtp, sender, person.email, message)
            if used and ended.stop in ("unreachable", "throttled"):
                smtp, _ = line.ready()
                ended = _talk(line, smtp, sender, person.email, message)
        except LOST as error:
            return no_line(error)
        return ended

    def close(self) -> None:
        self._pool.close()


def _talk(line: Line, smtp: smtplib.SMTP, sender: str, to: str, message: bytes) -> Ended:
    try:
        ended = talk(smtp, sender, to, message)
    except (OSError, smtplib.SMTPException) as error:
        ended = no_line(error)
    if ended.stop:
        line.drop()
    return ended


def _out_of_time() -> Ended:
    return Ended("deferred", "the server is too slow for this batch", stop="fault")


@dataclass
class _Tally:
    refused: dict[UUID, str]
    deferred: dict[UUID, str] = field(default_factory=dict)
    unknown: dict[UUID, str] = field(default_factory=dict)
    sent: int = 0
    stopped: Ended | None = None

    def add(self, person: Recipient, ended: Ended) -> None:
        if ended.verdict == "sent":
            self.sent += 1
        else:
            reasons = {"refused": self.refused, "deferred": self.deferred, "unknown": self.unknown}
            reasons[ended.verdict][person.delivery_id] = ended.reason

    def stop(self, ended: Ended, rest: list[Recipient]) -> None:
        """If nothing went out, the outcome's kind speaks for the rest; else they are named as put off."""
        self.stopped = ended
        if self.sent:
            self.deferred.update({person.delivery_id: ended.reason for person in rest})

    def outcome(self) -> Outcome:
        return Outcome(
            kind=self._kind(),
            reason=self.stopped.reason if self.stopped else None,
            refused=self.refused,
            deferred=self.deferred,
            unknown=self.unknown,
        )

    def _kind(self) -> OutcomeKind:
        if self.sent:
            return "accepted"
        if self.stopped and self.stopped.stop:
            return self.stopped.stop
        if self.unknown:
            return "unknown"
        return "fault" if self.deferred else "refused"
