"""What a provider is given and what it answers. The ledger acts on these and knows no provider's protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol
from uuid import UUID

from notifier.digests.tags import UNSUBSCRIBE_TAG

DELIVERY_ID_ARG = "notifier_delivery_id"
"""Our delivery id's name in SendGrid's custom arguments, and so in every event of the webhook."""

OutcomeKind = Literal[
    "accepted",  # taken over by the provider
    "refused",  # for good: sending the same again cannot help
    "refused_named",  # the call failed because of those in `refused`; the rest can go without them
    "refused_unnamed",  # somebody or something in the batch is at fault, not named: halve it
    "our_fault",  # the mail or the way we call is refused, whoever it is for
    "throttled",  # too fast, for the whole account: wait until `retry_at`
    "account",  # key, credits, sender or address of the provider: nothing will pass until a human acts
    "fault",  # the provider's fault, certainly not accepted
    "unreachable",  # no connection, or lost before the whole request was written: certainly not accepted
    "unknown",  # perhaps accepted: only evidence may settle it
]


@dataclass(frozen=True, slots=True)
class Recipient:
    """`links` are the person's own, by the tag that they take the place of."""

    delivery_id: UUID
    email: str
    links: Mapping[str, str]

    @property
    def unsubscribe_url(self) -> str | None:
        return self.links.get(UNSUBSCRIBE_TAG)


@dataclass(frozen=True, slots=True)
class OutgoingBatch:
    """One text and its people. `text` and `html` hold tags where links belong.

    `category` is the same for all digests, and for all letters: the provider keeps it long, and its staff see it.
    """

    batch_id: int
    subject: str
    text: str
    html: str
    recipients: tuple[Recipient, ...]
    category: str = "digest"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call ended. `kind` is about everybody who stands in none of the three mappings (id -> reason).

    `refused`: this person's mail is refused for good. `deferred`: certainly not sent, try again later.
    `unknown`: perhaps sent. Where nobody is left outside the mappings, `kind` is the gravest of them:
    "unknown", "fault" (all deferred), "refused".
    Reasons hold no address. `retry_at` is the provider's word on when to come back.
    """

    kind: OutcomeKind
    message_id: str | None = None
    reason: str | None = None
    retry_at: datetime | None = None
    refused: Mapping[UUID, str] = field(default_factory=dict)
    deferred: Mapping[UUID, str] = field(default_factory=dict)
    unknown: Mapping[UUID, str] = field(default_factory=dict)


class Provider(Protocol):
    """Safe to call from many threads; make one per process, after the fork. Failures never raise."""

    name: str
    repeatable: bool
    """The same delivery sent twice is one mail."""
    most_recipients: int
    """The largest batch that this provider takes well."""

    def send(self, batch: OutgoingBatch, now: datetime) -> Outcome: ...

    def close(self) -> None: ...
