"""Batches for provider tests."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from notifier.delivery.providers import OutgoingBatch, Recipient
from notifier.delivery.providers.sender import Mailbox, Sender
from notifier.digests.tags import UNSUBSCRIBE_TAG

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SENDER = Sender(
    mailbox=Mailbox("Study updates", "updates@example.org"),
    reply_to=Mailbox("", "help@example.org"),
    host="alerts.example.org",
)
SUBJECT = "2 updates for you"
TEXT = f"Good morning.\n\nA study has news.\n\nStop these mails: {UNSUBSCRIBE_TAG}\n"
HTML = f'<p>A study has news.</p>\n<p><a href="{UNSUBSCRIBE_TAG}">Stop these mails</a></p>\n'


def person(email: str, delivery_id: UUID | None = None, url: str | None = None) -> Recipient:
    delivery_id = delivery_id or uuid4()
    url = url or f"https://alerts.example.org/u/{delivery_id.hex}.signature"
    return Recipient(delivery_id, email, {UNSUBSCRIBE_TAG: url})


def make_batch(
    *emails: str,
    subject: str = SUBJECT,
    text: str = TEXT,
    html: str = HTML,
    people: tuple[Recipient, ...] = (),
) -> OutgoingBatch:
    recipients = (*map(person, emails), *people)
    return OutgoingBatch(1, subject, text, html, recipients)


def many(count: int) -> tuple[Recipient, ...]:
    return tuple(person(f"person{number}@example.org") for number in range(count))
