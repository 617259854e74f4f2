"""The real thing as processes: commands, workers, scheduler and web, on a test's own database and Redis."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from notifier.settings import Settings
from tests.paths import ROOT

BIN = Path(sys.executable).parent


def until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """Wait for a condition; fail with `what` if it does not come true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds:.0f} s in vain: {what}")


@dataclass
class Stage:
    settings: Settings
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        chosen = {
            "DATABASE_URL": self.settings.database_url,
            "REDIS_URL": self.settings.redis_url,
            "OUTBOX_DIR": str(self.settings.outbox_path),
            "NOTIFIER_HOME": str(self.settings.notifier_home),
            "SECRET_KEYS": ",".join(key.get_secret_value() for key in self.settings.secret_keys),
            "PUBLIC_URL": self.settings.public_url,
        }
        return {**os.environ, **{name: value for name, value in chosen.items() if value}}

    def states(self) -> dict[str, int]:
        """{delivery state: mails}, whether all is well or not."""
        return self.notifier("status", "--json", ok=None)["deliveries"]  # type: ignore[no-any-return]

    def notifier(self, *words: str, ok: bool | None = True, **environment: str) -> Any:
        """Run a command; its JSON, or None where it prints none. `ok` None: it may end well or not."""
        done = subprocess.run(
            [BIN / "notifier", *words],
            env={**self.environment, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert ok is None or (done.returncode == 0) is ok, done.stdout + done.stderr
        return (
            json.loads(done.stdout)
            if "--json" in words and done.stdout.strip()
            else done.stdout + done.stderr
        )

    def process(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        log = (self.folder / f"{words[0]}.log").open("a")
        return subprocess.Popen(
            [BIN / words[0], *words[1:]],
            env={**self.environment, **environment},
            cwd=ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
            text=True,
        )

    @contextmanager
    def worker(self, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        yield from running(
            self.process(
                "celery", "-A", "tasks", "worker", "-c", "2", "-Q", "prompt,build,send,upkeep", "-l", "WARNING",
                "--without-gossip", "--without-mingle", **environment,
            )
        )  # fmt: skip

    @contextmanager
    def prompt_worker(self, **environment: str) -> Iterator["subprocess.Popen[str]"]:
        """The one that waits for letters and for nothing else."""
        yield from running(
            self.process(
                "celery", "-A", "tasks", "worker", "-c", "1", "-Q", "prompt", "-l", "WARNING",
                "-n", "prompt@%h", "--without-gossip", "--without-mingle", **environment,
            )
        )  # fmt: skip

    @contextmanager
    def scheduler(self) -> Iterator["subprocess.Popen[str]"]:
        schedule = str(self.folder / "beat-schedule")
        yield from running(self.process("celery", "-A", "tasks", "beat", "-l", "WARNING", "-s", schedule))

    @contextmanager
    def web(self, port: int) -> Iterator["subprocess.Popen[str]"]:
        yield from running(self.process("notifier", "web", PORT=str(port)))

    def mails(self) -> list[EmailMessage]:
        files = sorted(self.settings.outbox_path.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns)
        return [message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]  # type: ignore[misc]

    def mail_count(self) -> int:
        return sum(1 for _ in self.settings.outbox_path.glob("*.eml"))

    def mailed(self) -> Counter[str]:
        return Counter(str(mail["To"]) for mail in self.mails())

    def write(self, name: str, *lines: Any) -> str:
        """A file of JSON lines, or of text."""
        path = self.folder / name
        path.write_text(
            "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
        )
        return str(path)


def running(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        kill(process, signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            kill(process, signal.SIGKILL)
            process.wait(timeout=20)


def kill(process: "subprocess.Popen[str]", number: int) -> None:
    """The whole group: a worker's children die with it."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        process.poll()
