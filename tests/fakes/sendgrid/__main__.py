"""The fake as a process: prints where it listens as one line of JSON, then serves until it is told to stop."""

import argparse
import asyncio
import json
import signal
import tempfile
from pathlib import Path

from tests.fakes.certificates import make_certificate
from tests.fakes.sendgrid.app import FakeSendGrid, Options
from tests.fakes.sendgrid.control import address, serve
from tests.fakes.sendgrid.webhook import WebhookConfig


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.sendgrid", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", default=Options.api_key)
    parser.add_argument("--tls", action="store_true", help="HTTPS with a new certificate (see ca_file)")
    parser.add_argument("--folder", type=Path, help="for the certificate; not given: a temporary one")
    parser.add_argument("--mail-file", type=Path, help="one JSON line for each accepted mail, appended")
    parser.add_argument("--webhook-url")
    parser.add_argument("--no-house-rules", action="store_true", help="only what the real one refuses")
    parser.add_argument("--check-every", type=int, default=1, help="check one call in N (benchmarks)")
    parser.add_argument(
        "--schema-every", type=int, default=1, help="one checked call in N by the official schema"
    )
    parser.add_argument("--no-index", action="store_true", help="keep accepted mails in the file only")
    parser.add_argument(
        "--keep-bodies", action="store_true", help="show mails with their text under /_/mails"
    )
    return parser.parse_args()


async def main() -> None:
    given = arguments()
    options = Options(
        api_key=given.api_key,
        house_rules=not given.no_house_rules,
        check_every=given.check_every,
        schema_every=given.schema_every,
        mail_file=given.mail_file,
        index=not given.no_index,
        keep_bodies=given.keep_bodies,
    )
    app = FakeSendGrid(options)
    if given.webhook_url:
        app.webhook.configure(WebhookConfig(url=given.webhook_url))
    certificate = make_certificate(given.folder or Path(tempfile.mkdtemp())) if given.tls else None
    tls = certificate.server_context() if certificate else None
    server = await serve(app, given.port, tls)
    started = {
        "url": address(server, tls),
        "api_key": options.api_key,
        "public_key": app.webhook.signer.public_key,
        "ca_file": str(certificate.cert) if certificate else None,
    }
    print(json.dumps(started), flush=True)
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await stop.wait()
    app.close()


if __name__ == "__main__":
    asyncio.run(main())
