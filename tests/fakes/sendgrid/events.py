"""The events that SendGrid would report of a mail, in its own field names."""

import base64
import os
import random
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.sendgrid.mailbox import Mail

Event = dict[str, Any]
FATES: dict[str, tuple[dict[str, Any], ...]] = {
    "delivered": ({"event": "delivered", "response": "250 OK"},),
    "deferred": (
        {"event": "deferred", "response": "451 4.7.1 try again later", "attempt": "1"},
        {"event": "delivered", "response": "250 OK"},
    ),
    "bounce": (
        {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user",
         "bounce_classification": "Invalid Address"},
    ),
    "blocked": (
        {"event": "bounce", "type": "blocked", "reason": "unable to get mx info",
         "bounce_classification": "Technical Failure"},
    ),
    "expired": ({"event": "bounce", "type": "expired", "reason": "gave up after 72 hours"},),
    "late_bounce": (
        {"event": "delivered", "response": "250 OK"},
        {"event": "bounce", "type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 mailbox is gone",
         "asynchronous": True},
    ),
    "spamreport": ({"event": "delivered", "response": "250 OK"}, {"event": "spamreport"}),
    "unsubscribe": ({"event": "delivered", "response": "250 OK"}, {"event": "unsubscribe"}),
    "open": (
        {"event": "delivered", "response": "250 OK"},
        {"event": "open", "ip": "192.0.2.7", "useragent": "Example/1.0", "sg_machine_open": False},
    ),
    "click": (
        {"event": "delivered", "response": "250 OK"},
        {"event": "click", "ip": "192.0.2.7", "useragent": "Example/1.0", "url": "https://example.org/"},
    ),
    "invalid": ({"event": "dropped", "reason": "Invalid"},),
    "silent": (),
}  # fmt: skip
"""What may become of a mail, after `processed`. A dropped one is never processed; of a silent one nothing is heard."""

NOT_PROCESSED = ("invalid", "silent")


@dataclass
class Fates:
    """An address's own fate, else one by seeded chance for each delivery, else it is delivered."""

    by_email: dict[str, str] = field(default_factory=dict)
    odds: dict[str, float] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = ({*self.by_email.values(), *self.odds}) - FATES.keys()
        if unknown:
            raise ValueError(f"unknown fate {sorted(unknown)}; there are {sorted(FATES)}")

    def of(self, mail: Mail) -> str:
        if fate := self.by_email.get(mail.email.lower()):
            return fate
        if self.odds:
            draw = random.Random(f"{self.seed}:{mail.delivery_id}").random()
            for fate, odd in self.odds.items():
                draw -= odd
                if draw < 0:
                    return fate
        return "delivered"


def events_of(mail: Mail, fate: str, suppressed: str | None) -> list[Event]:
    """In the order in which they happen."""
    server_id = f"{mail.message_id}.recvd-{mail.number}-1.{mail.number}"
    if suppressed:
        return [_event(mail, server_id, {"event": "dropped", "reason": suppressed})]
    steps = FATES[fate] if fate in NOT_PROCESSED else ({"event": "processed"}, *FATES[fate])
    return [_event(mail, server_id, step) for step in steps]


def _event(mail: Mail, server_id: str, step: dict[str, Any]) -> Event:
    own = {"email": mail.email, "timestamp": int(mail.at), "sg_event_id": new_event_id()}
    if step.get("asynchronous"):
        return own | {name: value for name, value in step.items() if name != "asynchronous"}
    return own | {
        "sg_message_id": server_id,
        "smtp-id": f"<{mail.message_id}@example.org>",
        "category": ["digest"],
        **mail.custom_args,
        **step,
    }


def new_event_id() -> str:
    return base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
