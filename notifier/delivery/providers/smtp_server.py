"""Where SMTP_URL points, and how a connection to it is opened."""

import smtplib
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from socket import IPPROTO_TCP, TCP_NODELAY
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from notifier.errors import NotifierError

CONNECT_SECONDS = 10
REPLY_SECONDS = 30


class NoTls(Exception):
    """The server offers no encryption and is not on this machine."""


@dataclass(frozen=True, slots=True)
class Server:
    host: str
    port: int
    tls: Literal["none", "starttls", "implicit"]
    username: str = ""
    password: str = ""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read SMTP_URL. Raises NotifierError, which repeats none of it."""
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme not in ("smtp", "smtps"):
            raise NotifierError(
                "SMTP_URL is not the address of an SMTP server.",
                "Write it like smtp://user:password@mail.example.org:587, with %40 for @ in a password.",
            )
        implicit = parts.scheme == "smtps"
        return cls(
            host=host,
            port=port or (465 if implicit else 587),
            tls="implicit" if implicit else "none" if is_loopback(host) else "starttls",
            username=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
        )

    def open(self, context: ssl.SSLContext, own_name: str) -> smtplib.SMTP:
        """Connect, encrypt, log in. Raises OSError, smtplib.SMTPException, NoTls.

        The machine's own name is not looked up: it is slow, and no server needs to know it.
        """
        if self.tls == "implicit":
            line: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, own_name, timeout=CONNECT_SECONDS, context=context
            )
        else:
            line = smtplib.SMTP(self.host, self.port, own_name, timeout=CONNECT_SECONDS)
        try:
            self._greet(line, context)
        except BaseException:
            line.close()
            raise
        return line

    def _greet(self, line: smtplib.SMTP, context: ssl.SSLContext) -> None:
        line.ehlo_or_helo_if_needed()
        if self.tls == "starttls":
            if not line.has_extn("starttls"):
                raise NoTls
            line.starttls(context=context)
            line.ehlo_or_helo_if_needed()
        if self.username:
            line.login(self.username, self.password)
        assert line.sock is not None
        line.sock.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)  # else each mail waits 40 ms for a delayed ACK
        line.sock.settimeout(REPLY_SECONDS)


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
