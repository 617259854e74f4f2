"""The body of a Mail Send call: one edition, one personalization per person.

Field names and limits: SendGrid's Mail Send v3 reference. All headers stand on the personalization, so that no
header is set at two levels. Nothing but the address and opaque ids is said of a person.
"""

from typing import Any

import orjson

from notifier.delivery.providers.headers import person_headers
from notifier.delivery.providers.sender import Mailbox, Sender
from notifier.delivery.providers.types import DELIVERY_ID_ARG, OutgoingBatch, Recipient

MOST_RECIPIENTS = 1000
MOST_BYTES = 29_000_000  # "less than 30 MB"; what a megabyte is, nobody says
TRACKING_OFF = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}
"""An account can have tracking on by default; only the call itself can be sure that it is off."""


def build_body(batch: OutgoingBatch, people: list[Recipient], sender: Sender) -> bytes:
    return orjson.dumps(
        {
            "personalizations": [_personalization(person, sender.host) for person in people],
            "from": _mailbox(sender.mailbox),
            "reply_to": _mailbox(sender.reply_to),
            "subject": batch.subject,
            "content": [
                {"type": "text/plain", "value": batch.text},
                {"type": "text/html", "value": batch.html},
            ],
            "categories": [batch.category],
            "tracking_settings": TRACKING_OFF,
        }
    )


def _personalization(person: Recipient, host: str) -> dict[str, Any]:
    delivery_id = str(person.delivery_id)
    return {
        "to": [{"email": person.email}],
        "substitutions": dict(person.links),
        "headers": person_headers(delivery_id, person.unsubscribe_url, host),
        "custom_args": {DELIVERY_ID_ARG: delivery_id},
    }


def _mailbox(mailbox: Mailbox) -> dict[str, str]:
    return {"email": mailbox.email, "name": mailbox.name} if mailbox.name else {"email": mailbox.email}
