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
    "REPEATABLE",
    "REPORTING",
    "Outcome",
    "OutcomeKind",
    "OutgoingBatch",
    "Provider",
    "Recipient",
    "largest_batch",
    "make_provider",
]


PROVIDERS: tuple[type[Provider], ...] = (OutboxProvider, SmtpProvider, SendGridProvider)

REPEATABLE = frozenset(provider.name for provider in PROVIDERS if provider.repeatable)
"""Where sending the same delivery twice is one mail, so that doubt can be settled by sending again."""

REPORTING = (SendGridProvider.name,)
"""Whose webhook tells what became of each mail, so that its silence can mean something."""


def largest_batch(settings: Settings) -> int:
    """People in one call: as the settings say, and no more than the provider takes well."""
    (provider,) = (provider for provider in PROVIDERS if provider.name == settings.mail_provider)
    return min(settings.batch_size, provider.most_recipients)


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
