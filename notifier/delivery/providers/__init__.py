"""The ways mail can leave: a folder of files, an SMTP server, SendGrid."""

from notifier.delivery.providers.outbox import OutboxProvider
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.delivery.providers.smtp import SmtpProvider
from notifier.delivery.providers.smtp_server import Server
from notifier.delivery.providers.types import (
    DELIVERY_ID_ARG,
    Outcome,
    OutcomeKind,
    OutgoingBatch,
    Provider,
    Recipient,
)
from notifier.settings import Settings

__all__ = [
    "DELIVERY_ID_ARG",
    "Outcome",
    "OutcomeKind",
    "OutgoingBatch",
    "Provider",
    "Recipient",
    "make_provider",
]


def make_provider(settings: Settings) -> Provider:
    """The provider that MAIL_PROVIDER names. Raises NotifierError for a setting it cannot work with."""
    sender = Sender.of(settings)
    if settings.mail_provider == "sendgrid":
        assert settings.sendgrid_api_key is not None
        key = settings.sendgrid_api_key.get_secret_value()
        return SendGridProvider(settings.sendgrid_api_url, key, sender)
    if settings.mail_provider == "smtp":
        assert settings.smtp_url is not None
        return SmtpProvider(Server.parse(settings.smtp_url.get_secret_value()), sender)
    return OutboxProvider(settings.outbox_path, sender)
