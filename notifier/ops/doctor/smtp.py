"""The SMTP server: reached, encrypted, logged in to. No mail is sent."""

import smtplib
import ssl
from collections.abc import Iterator

from notifier.delivery.providers.smtp_server import NoTls, Server
from notifier.errors import NotifierError
from notifier.ops.doctor.finding import Finding, well, wrong
from notifier.settings import Settings


def server(settings: Settings) -> Iterator[Finding]:
    assert settings.smtp_url
    why = "No mail leaves; it waits and is tried again."
    remedy = "Check SMTP_URL, and that the server lets this machine in."
    try:
        line = Server.parse(settings.smtp_url.get_secret_value()).open(
            ssl.create_default_context(), "notifier"
        )
    except NotifierError as error:
        yield wrong("smtp", error.message, why=why, remedy=error.remedy)
    except NoTls:
        yield wrong(
            "smtp", "The SMTP server offers no encryption.", why=why, remedy="Use smtps:// or another one."
        )
    except smtplib.SMTPAuthenticationError:
        yield wrong("smtp", "The SMTP server refuses the login.", why=why, remedy=remedy)
    except (OSError, smtplib.SMTPException) as error:
        yield wrong(
            "smtp", f"The SMTP server cannot be reached ({type(error).__name__}).", why=why, remedy=remedy
        )
    else:
        line.close()
        yield well("smtp", "The SMTP server takes our login.")
