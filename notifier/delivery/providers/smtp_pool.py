"""Open SMTP connections, kept and shared by the threads of one process."""

import smtplib
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from notifier.delivery.providers.smtp_server import Server

MOST_CONNECTIONS = 8  # servers commonly allow ten to twenty from one address
MOST_MAILS = 100  # on one connection; Postfix's own client stops there too
IDLE_SECONDS = 20  # servers hang up on the idle after a minute or more


class Line:
    """One place in the pool: opens its connection when first needed, and again when it was lost."""

    def __init__(self, server: Server, context: ssl.SSLContext, own_name: str) -> None:
        self._server, self._context, self._own_name = server, context, own_name
        self._smtp: smtplib.SMTP | None = None
        self._mails = 0
        self._used_at = 0.0

    def ready(self) -> tuple[smtplib.SMTP, bool]:
        """An open connection, and whether it has been used before. Raises what Server.open raises."""
        worn = self._mails >= MOST_MAILS or time.monotonic() - self._used_at > IDLE_SECONDS
        if self._smtp is not None and (worn or self._smtp.sock is None):
            self.hang_up()
        if self._smtp is None:
            self._smtp = self._server.open(self._context, self._own_name)
            self._mails = 0
        self._mails += 1
        self._used_at = time.monotonic()
        return self._smtp, self._mails > 1

    def drop(self) -> None:
        """Close at once: the conversation is in no known state."""
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None

    def hang_up(self) -> None:
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.docmd("QUIT")
        self.drop()


class SmtpPool:
    def __init__(self, server: Server, context: ssl.SSLContext, own_name: str) -> None:
        self._line_to = partial(Line, server, context, own_name)
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._lock = threading.Lock()
        self._free: list[Line] = []

    @contextmanager
    def line(self) -> Iterator[Line]:
        """Waits for a place. The last one used comes first, so that the others can go idle."""
        with self._places:
            with self._lock:
                line = self._free.pop() if self._free else self._line_to()
            try:
                yield line
            except BaseException:
                line.drop()
                raise
            finally:
                with self._lock:
                    self._free.append(line)

    def close(self) -> None:
        with self._lock:
            lines, self._free = self._free, []
        for line in lines:
            line.hang_up()
