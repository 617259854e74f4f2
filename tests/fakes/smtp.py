"""An SMTP server for tests: keeps what it takes, counts connections, and refuses or hangs up where it is told."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

HANG_UP = "hang up"


@dataclass
class SmtpSink:
    """Replies are whole lines such as `550 5.1.1 no such user`, or HANG_UP. Keys are addresses."""

    host: str = "127.0.0.1"
    port: int = 0
    connections: int = 0
    mails: list[tuple[str, bytes]] = field(default_factory=list)  # recipient, as it came over the wire
    at_mail: list[str] = field(default_factory=list)  # for the next ones
    at_rcpt: dict[str, str] = field(default_factory=dict)
    before_taking: dict[str, str] = field(default_factory=dict)
    after_taking: dict[str, str] = field(default_factory=dict)
    logins: list[tuple[str, str]] = field(default_factory=list)
    password: str | None = None
    open_lines: list[SMTP] = field(default_factory=list)

    def parsed(self) -> list[EmailMessage]:
        return [message_from_bytes(mail, policy=policy.default) for _, mail in self.mails]  # type: ignore[misc]

    def recipients(self) -> list[str]:
        return [recipient for recipient, _ in self.mails]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.at_mail:
            return _reply(server, self.at_mail.pop(0))
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.at_rcpt:
            return _reply(server, self.at_rcpt[address])
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        recipient = envelope.rcpt_tos[0]
        if recipient in self.before_taking:
            return _reply(server, self.before_taking[recipient])
        assert isinstance(envelope.content, bytes)
        self.mails.append((recipient, envelope.content))
        return _reply(server, self.after_taking.get(recipient, "250 OK"))

    def login(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password.decode() == self.password, handled=False)


def _reply(server: SMTP, reply: str) -> str:
    if reply == HANG_UP:
        server.transport.abort()
    return reply if reply != HANG_UP else "421 hanging up"


@contextmanager
def smtp_sink(
    implicit_tls: ssl.SSLContext | None = None,
    starttls: ssl.SSLContext | None = None,
    password: str | None = None,
) -> Iterator[SmtpSink]:
    sink = SmtpSink(password=password)

    class CountingSmtp(SMTP):
        def connection_made(self, transport: Any) -> None:
            if self.transport is None:  # STARTTLS calls this a second time
                sink.connections += 1
                sink.open_lines.append(self)
            super().connection_made(transport)

    def line() -> SMTP:
        return CountingSmtp(
            sink,
            loop=loop,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=sink.login if password else None,
            auth_required=password is not None,
            auth_require_tls=False,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="smtp-sink")
    thread.start()
    listening = loop.create_server(line, sink.host, 0, ssl=implicit_tls)
    server = asyncio.run_coroutine_threadsafe(listening, loop).result(10)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _stop(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
