"""The demo's processes, and the ways to reach them: commands, HTTP, the ledger."""

import json
import shlex
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urljoin

from sqlalchemy import Engine

from notifier.cli.output import stdout
from notifier.cli.supervisor import run_all
from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.delivery.progress import OPEN_STATES, states_of_all
from notifier.embedded import ensure_services, release_services
from notifier.errors import NotifierError
from notifier.settings import Settings

PATIENCE = timedelta(seconds=90)  # for a slow machine; nothing waits longer than it must
NONE: Mapping[str, str] = MappingProxyType({})
T = TypeVar("T")


class Answer(NamedTuple):
    status: int  # 0: nobody answered
    body: bytes


@dataclass
class Services:
    """Web, two workers and the scheduler on a database and a queue of their own."""

    settings: Settings
    engine: Engine
    failure: BaseException | None = None

    @property
    def home(self) -> Path:
        return self.settings.notifier_home

    @property
    def log(self) -> Path:
        return self.home / "log.txt"

    def url(self, path: str) -> str:
        return self.settings.public_url + path

    def raise_failure(self) -> None:
        """What stopped the processes, if anything did."""
        if self.failure:
            raise self.failure

    def wait_until(self, look: Callable[[], T], what: str) -> T:
        """The first true answer of `look`. Raises NotifierError when a process fails, or patience ends."""
        deadline = time.monotonic() + PATIENCE.total_seconds()
        while not (answer := look()):
            self.raise_failure()
            if time.monotonic() > deadline:
                raise NotifierError(
                    f"{what} did not come about within {PATIENCE.seconds} seconds.",
                    f"What the processes had to say is in {self.log}.",
                )
            time.sleep(0.05)
        return answer

    def wait_until_sent(self) -> None:
        self.wait_until(self._nothing_is_open, "The end of sending")

    def _nothing_is_open(self) -> bool:
        with self.engine.connect() as conn:
            return not states_of_all(conn).keys() & set(OPEN_STATES)

    def ask(
        self, method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] = NONE
    ) -> Answer:
        """Without proxies, cookies or redirects, as mail programs ask."""
        full = urljoin(self.settings.public_url, url)
        request = urllib.request.Request(full, body, dict(headers), method=method)  # noqa: S310
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirects)
        try:
            with opener.open(request, timeout=30) as answer:
                return Answer(answer.status, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.read())
        except OSError:
            return Answer(0, b"")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


@contextmanager
def running(settings: Settings) -> Iterator[Services]:
    """Start all of it, and stop all of it. What the processes say goes to a file."""
    settings = ensure_services(settings)
    assert settings.database_url
    engine = make_engine(settings.database_url)
    services = Services(settings, engine)
    stop = threading.Event()
    thread = threading.Thread(target=_supervise, args=[services, stop], daemon=True)
    try:
        upgrade(engine)
        with services.log.open("w", buffering=1) as log, redirect_stderr(log):
            try:
                thread.start()
                services.wait_until(lambda: services.ask("GET", "/healthz").status == 200, "The web process")
                yield services
            finally:
                stop.set()
                thread.join()
    finally:
        engine.dispose()
        release_services()


def _supervise(services: Services, stop: threading.Event) -> None:
    try:
        run_all(services.settings, web=True, workers=2, stop=stop)
    except BaseException as error:
        services.failure = error


def command(*arguments: str) -> Any:
    """Run `notifier ...` as anybody would, show it, and return what it reports."""
    line = shlex.join(["notifier", *arguments])
    stdout.print(f"   $ {line}", markup=False)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", "notifier", *arguments, "--json"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NotifierError(f"`{line}` ended with exit code {done.returncode}: {done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout)


def write_records(path: Path, records: list[Any]) -> None:
    path.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")
