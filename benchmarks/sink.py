"""A SendGrid that costs next to nothing: HTTPS over kept connections, one 202 for each call.

It looks at the key and at the shape of the request and keeps every body as it came. What is in them is checked
when the run is over (see checks.py), so that the checking takes no time from what is measured.
"""

import asyncio
import base64
import json
import os
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.fakes.certificates import make_certificate
from tests.fakes.sendgrid.server import Connection, Request, Response

API_KEY = "SG.a-key-for-benchmarks"
PATH = "/v3/mail/send"
_LENGTH_BYTES = 4


class Sink:
    def __init__(self, spool: Path, latency_s: float) -> None:
        self._latency_s = latency_s
        self.connections = self.open_connections = self.calls = 0
        self._spool = spool.open("wb", buffering=1 << 20)

    def saw_head(self, request: Request) -> None:
        pass

    async def handle(self, request: Request) -> Response:
        if request.path == "/_/stats":
            self._spool.flush()
            stats = {"calls": self.calls, "connections": self.connections}
            return Response(200, json.dumps(stats).encode())
        if request.method != "POST" or request.path != PATH:
            return Response(404)
        if request.headers.get("authorization") != f"Bearer {API_KEY}":
            return Response(401)
        if not request.headers.get("content-type", "").startswith("application/json"):
            return Response(415)
        if self._latency_s:
            await asyncio.sleep(self._latency_s)
        self.calls += 1
        self._spool.write(len(request.body).to_bytes(_LENGTH_BYTES, "big") + request.body)
        message_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=")
        return Response(202, headers={"X-Message-Id": message_id})


def bodies(spool: Path) -> Iterator[bytes]:
    """The calls in the order in which they were answered."""
    with spool.open("rb") as file:
        while length := file.read(_LENGTH_BYTES):
            yield file.read(int.from_bytes(length, "big"))


async def main(folder: Path, latency_ms: float) -> None:
    """Prints its address, then serves until its standard input ends."""
    context = make_certificate(folder).server_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    sink = Sink(folder / "calls.spool", latency_ms / 1000)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(sink), "127.0.0.1", 0, ssl=context, backlog=512)
    print(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), float(sys.argv[2])))
