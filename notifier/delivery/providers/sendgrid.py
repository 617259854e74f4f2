"""Mail through SendGrid's Mail Send v3: one call for all who share an edition."""

from dataclasses import replace
from datetime import datetime
from urllib.parse import urlsplit

from notifier.delivery.providers.people import batch_problem, sendable
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.sendgrid_answer import read_answer
from notifier.delivery.providers.sendgrid_body import MOST_BYTES, MOST_RECIPIENTS, build_body
from notifier.delivery.providers.sendgrid_http import KeptConnections, NoAnswer
from notifier.delivery.providers.types import Outcome, OutgoingBatch, Recipient
from notifier.errors import NotifierError

PATH = "/v3/mail/send"


class SendGridProvider:
    """No repeat is safe here: SendGrid knows no idempotency key."""

    name = "sendgrid"
    repeatable = False
    most_recipients = MOST_RECIPIENTS

    def __init__(self, url: str, key: str, sender: Sender) -> None:
        if not sender.mailbox.name.isascii():
            raise NotifierError(
                "MAIL_FROM: SendGrid takes a sender's name in plain ASCII letters only.",
                "Write the name without accents, such as: Study updates <updates@example.org>",
            )
        if not (key.isascii() and key.isprintable() and " " not in key):
            raise NotifierError(
                "SENDGRID_API_KEY holds a character that no key has.",
                "Copy the key again; look for a space, a quote mark or a line break.",
            )
        self._sender = sender
        self._path = urlsplit(url).path.rstrip("/") + PATH
        self._connections = KeptConnections(
            url,
            {
                "Authorization": f"Bearer {key}",
                "Content-Type": "application/json",
                "Accept": "application/json",
                "User-Agent": "notifier",
            },
        )

    def send(self, batch: OutgoingBatch, now: datetime) -> Outcome:
        if reason := batch_problem(batch):
            return Outcome("refused", reason=reason)
        people, refused = sendable(batch)
        if not people:
            return Outcome("refused", refused=refused)
        if len(people) > MOST_RECIPIENTS:
            return Outcome("refused_unnamed", reason=f"more than {MOST_RECIPIENTS} people", refused=refused)
        outcome = self._call(batch, people, now)
        return replace(outcome, refused={**refused, **outcome.refused}) if refused else outcome

    def _call(self, batch: OutgoingBatch, people: list[Recipient], now: datetime) -> Outcome:
        body = build_body(batch, people, self._sender)
        if len(body) > MOST_BYTES:
            return Outcome("refused_unnamed" if len(people) > 1 else "refused", reason="mail is too large")
        try:
            answer = self._connections.post(self._path, body)
        except NoAnswer as no:
            if no.written:
                return Outcome("unknown", reason=f"no answer after the call was written ({no.why})")
            return Outcome("unreachable", reason=f"the call could not be written ({no.why})")
        return read_answer(answer.status, answer.headers, answer.body, people, now)

    def close(self) -> None:
        self._connections.close()
