"""Who a mail is from, and the host that its ids are made at."""

from dataclasses import dataclass
from email.utils import formataddr, parseaddr
from typing import Self
from urllib.parse import urlsplit

from notifier.delivery.providers.people import is_address
from notifier.errors import NotifierError
from notifier.settings import Settings


@dataclass(frozen=True, slots=True)
class Mailbox:
    name: str
    email: str

    @classmethod
    def parse(cls, setting: str, value: str) -> Self:
        """Read `Name <address>` or a bare address. Raises NotifierError that names the setting."""
        name, email = parseaddr(value)
        if not is_address(email) or not value.isprintable():
            raise NotifierError(
                f"{setting} is not an address that mail can be sent from.",
                "Write it like: Study updates <updates@example.org>",
            )
        return cls(name, email)

    def __str__(self) -> str:
        return formataddr((self.name, self.email))


@dataclass(frozen=True, slots=True)
class Sender:
    mailbox: Mailbox
    reply_to: Mailbox
    host: str

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            mailbox=Mailbox.parse("MAIL_FROM", settings.mail_from),
            reply_to=Mailbox.parse("MAIL_REPLY_TO", settings.mail_reply_to),
            host=_host(settings.public_url),
        )


def _host(url: str) -> str:
    """The host of PUBLIC_URL in ASCII; an IPv6 address cannot stand in a message id, so it is localhost."""
    host = urlsplit(url).hostname or "localhost"
    return "localhost" if ":" in host else host.encode("idna").decode("ascii")
