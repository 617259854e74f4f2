"""The ways mail can leave: a folder of files, an SMTP server, SendGrid."""

from notifier.delivery.providers.types import (
    DELIVERY_ID_ARG,
    Outcome,
    OutcomeKind,
    OutgoingBatch,
    Provider,
    Recipient,
)

__all__ = ["DELIVERY_ID_ARG", "Outcome", "OutcomeKind", "OutgoingBatch", "Provider", "Recipient"]
