"""A place of its own for a benchmark: a temporary home, its servers, a sink for mail, and worker processes."""

import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import orjson
import redis
from sqlalchemy import Engine

from benchmarks.sink import API_KEY
from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.embedded import ensure_services, release_services
from notifier.embedded.home import free_port
from notifier.settings import Settings
from tests.journeys.stage import running
from tests.paths import ROOT

BIN = Path(sys.executable).parent


@dataclass
class Place:
    """`pids` are the roots of what runs here, by name. All of it ends with the block of `open_place`."""

    folder: Path
    settings: Settings
    engine: Engine
    sink_url: str
    pids: dict[str, int] = field(default_factory=dict)

    @property
    def spool(self) -> Path:
        return self.folder / "calls.spool"

    @property
    def environment(self) -> dict[str, str]:
        """Production settings, with the sink in SendGrid's place."""
        return {
            "DATABASE_URL": str(self.settings.database_url),
            "REDIS_URL": str(self.settings.redis_url),
            "NOTIFIER_HOME": str(self.settings.notifier_home),
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_URL": self.sink_url,
            "SENDGRID_API_KEY": API_KEY,
            "SSL_CERT_FILE": str(self.folder / "loopback-cert.pem"),
            "LOG_FORMAT": "json",
        }

    def sink_stats(self) -> dict[str, int]:
        trust = ssl.create_default_context(cafile=str(self.folder / "loopback-cert.pem"))
        with urlopen(Request(f"{self.sink_url}/_/stats"), context=trust, timeout=60) as answer:
            stats: dict[str, int] = orjson.loads(answer.read())
        return stats

    @contextmanager
    def celery(self, name: str, *words: str) -> Iterator[None]:
        """A worker with two processes, ready for work."""
        command = [str(BIN / "celery"), "--quiet", *words, "--loglevel", "WARNING", "--concurrency", "2"]
        with self._process(name, *command, "--hostname", f"{name}@%h"):
            yield

    @contextmanager
    def web(self) -> Iterator[int]:
        """The web process; its port."""
        port = free_port()
        with self._process("web", str(BIN / "notifier"), "web", PORT=str(port), MAIL_PROVIDER="outbox"):
            wait_for(lambda: _answers(port), "the web process answers", 60)
            yield port

    @contextmanager
    def _process(self, name: str, *command: str, **environment: str) -> Iterator[None]:
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**os.environ, **self.environment, **environment},
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                text=True,
            )
            self.pids[name] = process.pid
            for _ in running(process):
                yield

    def log_end(self, name: str) -> str:
        return "\n".join((self.folder / f"{name}.log").read_text(errors="replace").splitlines()[-15:])


@contextmanager
def open_place(latency_ms: float = 0) -> Iterator[Place]:
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="notifier-benchmark-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        folder.chmod(0o711)  # PostgreSQL walks through as a user of its own
        home = Settings(_env_file=None, notifier_home=folder / "home", database_url=None, redis_url=None)
        stack.callback(release_services)
        settings = ensure_services(home)
        engine = make_engine(str(settings.database_url), application_name="benchmark")
        stack.callback(engine.dispose)
        upgrade(engine)
        sink = stack.enter_context(_sink(folder, latency_ms))
        assert sink.stdout is not None
        place = Place(folder, settings, engine, sink.stdout.readline().strip())
        pid_file = folder / "home" / "postgres" / "data" / "postmaster.pid"
        place.pids |= {
            "sink": sink.pid,
            "postgres": int(pid_file.read_text().split("\n", 1)[0]),
            "redis": int(redis.Redis.from_url(str(settings.redis_url)).info("server")["process_id"]),
        }
        yield place


@contextmanager
def _sink(folder: Path, latency_ms: float) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.sink", str(folder), str(latency_ms)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as sink:
        yield sink  # leaving closes its standard input, which ends it


def _answers(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def wait_for(condition: Callable[[], Any], what: str, seconds: float, pause: float = 0.05) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(pause)
    raise TimeoutError(f"waited {seconds:.0f} s in vain: {what}")
