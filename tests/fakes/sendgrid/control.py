"""Start the fake, in a thread of the test or as a process of its own, and tell it what to do."""

import asyncio
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import urllib3

from tests.fakes.certificates import Certificate
from tests.fakes.sendgrid.app import FakeSendGrid, Options
from tests.fakes.sendgrid.server import Connection
from tests.paths import ROOT


class SendGridControl:
    """`url` is what SENDGRID_API_URL becomes. Its own connection is counted with the others."""

    def __init__(self, url: str, api_key: str, public_key: str, ca_file: str | None = None) -> None:
        self.url, self.api_key, self.public_key, self.ca_file = url, api_key, public_key, ca_file
        self._http = urllib3.PoolManager(ca_certs=ca_file, retries=False, timeout=60)

    def mails(self, after: int = 0, limit: int = 100_000) -> list[dict[str, Any]]:
        return self._ask("GET", f"mails?after={after}&limit={limit}")  # type: ignore[no-any-return]

    def texts(self) -> dict[str, str]:
        return self._ask("GET", "texts")  # type: ignore[no-any-return]

    def stats(self) -> dict[str, Any]:
        return self._ask("GET", "stats")  # type: ignore[no-any-return]

    def script(self, *faults: str | dict[str, Any], **more: Any) -> None:
        """See faults.Script: script("429", {"name": "500_after", "times": 3}, refuse=["x@example.org"])."""
        self._ask("POST", "script", {"faults": faults, **more})

    def fates(self, by_email: dict[str, str] | None = None, **more: Any) -> None:
        """See events.Fates."""
        self._ask("POST", "fates", {"by_email": by_email or {}, **more})

    def suppress(self, *emails: str, reason: str = "Bounced Address") -> None:
        self._ask("POST", "suppress", {"emails": emails, "reason": reason})

    def webhook(self, **config: Any) -> None:
        """See webhook.WebhookConfig."""
        self._ask("POST", "webhook", config)

    def post_events(self, events: list[dict[str, Any]]) -> int:
        """Sign and post these at once; the status that our webhook answered."""
        return self._ask("POST", "events", events)["status"]  # type: ignore[no-any-return]

    def erasing(self, *answers: int) -> None:
        """The next statuses of the erasure API."""
        self._ask("POST", "erasing", {"answers": answers})

    def erased(self) -> list[str]:
        return self._ask("GET", "erasing")  # type: ignore[no-any-return]

    def account(self, **changes: Any) -> None:
        """See account.Account; what is not named is as it should be."""
        self._ask("POST", "account", changes)

    def reset(self) -> None:
        self._ask("POST", "reset", {})

    def _ask(self, method: str, path: str, data: Any = None) -> Any:
        body = orjson.dumps(data) if data is not None else None
        answer = self._http.request(method, f"{self.url}/_/{path}", body=body)
        if answer.status != 200:
            raise ValueError(answer.data.decode())
        return orjson.loads(answer.data)


async def serve(app: FakeSendGrid, port: int, tls: ssl.SSLContext | None) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: Connection(app), "127.0.0.1", port, ssl=tls, backlog=512)


def address(server: asyncio.Server, tls: ssl.SSLContext | None) -> str:
    return f"{'https' if tls else 'http'}://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@contextmanager
def in_thread(
    options: Options | None = None, certificate: Certificate | None = None
) -> Iterator[SendGridControl]:
    app = FakeSendGrid(options or Options(keep_bodies=True))
    tls = certificate.server_context() if certificate else None
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True, name="fake-sendgrid")
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve(app, 0, tls), loop).result(10)
    ca_file = str(certificate.cert) if certificate else None
    try:
        yield SendGridControl(
            address(server, tls), app.options.api_key, app.webhook.signer.public_key, ca_file
        )
    finally:
        loop.call_soon_threadsafe(server.close)
        app.close()
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


@contextmanager
def as_process(*arguments: str) -> Iterator[SendGridControl]:
    """With the arguments of __main__. Ends with the block."""
    command = [sys.executable, "-m", "tests.fakes.sendgrid", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            started = orjson.loads(process.stdout.readline())
            yield SendGridControl(**started)
        finally:
            process.terminate()
