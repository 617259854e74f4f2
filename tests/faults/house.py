"""The whole service as processes: a web process, two workers, two schedulers. Each may be killed and comes back."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import urllib3

from notifier.embedded.home import free_port
from notifier.settings import Settings
from tests.fakes.sendgrid.control import SendGridControl
from tests.faults.worker import TIMES
from tests.journeys.stage import kill
from tests.paths import ROOT
from tests.waiting import wait_for

API_KEY = "a-key-of-the-site-0123456789abcdefghij"
SECRET_KEY = "a-key-for-fault-tests-0123456789abcdef"
WORKERS, SCHEDULERS = ("worker1", "worker2"), ("beat1", "beat2")
CHILDREN = 2
CELERY = ("celery", "--quiet", "-A", "tasks")
PATIENCE_SECONDS = 60


@dataclass
class House:
    folder: Path
    database_url: str
    redis_url: str
    fake: SendGridControl
    times: dict[str, float]
    unknown_seconds: float
    web_port: int = field(default_factory=free_port)
    processes: "dict[str, subprocess.Popen[str]]" = field(default_factory=dict)
    http: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, timeout=15))
    refusals: Counter[str] = field(
        default_factory=Counter
    )  # answers of 500 and more, by the path's first part

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.web_port}"

    @property
    def plans(self) -> Path:
        """The folder of the armed kills."""
        return self.folder / "plans"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis_url,
            "NOTIFIER_HOME": str(self.folder / "home"),
            "SECRET_KEYS": SECRET_KEY,
            "API_KEYS": API_KEY,
            "PORT": str(self.web_port),
            "PUBLIC_URL": self.url,
            "TRUSTED_PROXIES": "1",  # each visitor comes from a network of their own
            "MAIL_PROVIDER": "sendgrid",
            "SENDGRID_API_KEY": self.fake.api_key,
            "SENDGRID_API_URL": self.fake.url,
            "SENDGRID_WEBHOOK_PUBLIC_KEYS": self.fake.public_key,
            "UNKNOWN_MINUTES": str(self.unknown_seconds / 60),
            "BATCH_SIZE": "40",
            "COMPLAINT_LIMIT": "1",  # the automatic pause is not what is tried here
            "BOUNCE_LIMIT": "1",
        }

    @property
    def settings(self) -> Settings:
        values = {name.lower(): value for name, value in self.environment.items()}
        return Settings(_env_file=None, **values)  # type: ignore[arg-type]

    def start(self, name: str) -> None:
        """Also after it was killed."""
        log = (self.folder / f"{name}.log").open("a")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.worker", *self._command(name)],
            env={
                **os.environ,
                **self.environment,
                "FAULTS_FOLDER": str(self.plans),
                TIMES: json.dumps(self.times),
            },
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            text=True,
        )

    def _command(self, name: str) -> list[str]:
        if name == "web":
            return ["notifier", "web"]
        if name in SCHEDULERS:
            return [*CELERY, "beat", "-l", "WARNING", "-s", str(self.folder / name)]
        options = f"-c {CHILDREN} -Q prompt,build,send,upkeep -l WARNING -n {name}@%h --without-gossip --without-mingle"
        return [*CELERY, "worker", *options.split()]

    def command(self, *words: str) -> str:
        """Run `notifier ...`; what it prints."""
        return subprocess.run(
            [sys.executable, "-m", "notifier", *words],
            env={**os.environ, **self.environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=180,
            check=True,
        ).stdout

    def restart_dead(self) -> list[str]:
        dead = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in dead:
            self.start(name)
        return dead

    def signal(self, name: str, number: int) -> None:
        kill(self.processes[name], number)

    def persist(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> bytes:
        """Until it is answered well: the house may be on fire."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                answer = self.http.request(method, self.url + path, body=body, headers=headers)
                if answer.status < 300:
                    return bytes(answer.data)
                assert answer.status >= 500, answer.data
                self.refusals[path.split("/")[1]] += 1
            except urllib3.exceptions.HTTPError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"{method} {path[:12]} was not answered within {PATIENCE_SECONDS} s")

    def answers(self) -> bool:
        try:
            return self.http.request("GET", f"{self.url}/readyz").status == 200
        except urllib3.exceptions.HTTPError:
            return False


@contextmanager
def open_house(house: House) -> Iterator[House]:
    """Everything runs at the start, nothing at the end."""
    house.plans.mkdir()
    with ExitStack() as stack:
        stack.callback(_stop, house)
        house.start("web")
        wait_for(house.answers, seconds=90)
        yield house


def _stop(house: House) -> None:
    import signal

    for process in house.processes.values():
        kill(process, signal.SIGCONT)
        kill(process, signal.SIGKILL)
    for process in house.processes.values():
        process.wait(timeout=20)
