"""Web, workers and scheduler as child processes of one terminal: `notifier up`."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import FrameType

from pydantic import SecretStr

from notifier.errors import NotifierError
from notifier.settings import Settings

# Between SIGTERM and SIGKILL: a worker ends the calls that it is in (20 s without an answer).
GRACE = timedelta(seconds=30)
HEALTHY_AFTER = timedelta(seconds=10)  # a child that lives this long has started well
LONGEST_PAUSE = timedelta(seconds=30)
QUICK_FAILURES = 5
COLOURS = (36, 33, 35, 32, 34)
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    name: str
    command: Sequence[str]


def run_all(settings: Settings, *, web: bool, workers: int, stop: threading.Event | None = None) -> None:
    """Run until Ctrl-C, SIGTERM or `stop`. Call it after `ensure_services`: the children get the addresses."""
    programs = [Program("web", [sys.executable, "-m", "notifier", "web"])] if web else []
    # As root, Celery warns of a serializer that is not in use here.
    celery = [
        sys.executable,
        "-W",
        "ignore:You're running the worker",
        "-m",
        "celery",
        "--quiet",
        "--app",
        "tasks",
    ]
    queues = {f"worker{number}": "prompt,build,send,upkeep" for number in range(1, workers + 1)}
    for name, names in {"prompt": "prompt", **queues}.items():
        options = ["--queues", names, "--concurrency", "1", "--hostname", f"{name}@%h"]
        programs.append(Program(name, [*celery, "worker", *options, "--loglevel", "WARNING"]))
    programs.append(
        Program("beat", [*celery, "beat", "--scheduler", "celery.beat:Scheduler", "--loglevel", "WARNING"])
    )
    supervise(programs, environment(settings), stop)


def environment(settings: Settings) -> dict[str, str]:
    """Our own environment, with every setting that was chosen, so that the children see what we see."""
    chosen = {name: _as_text(getattr(settings, name)) for name in settings.model_fields_set}
    return {**os.environ, **{name.upper(): text for name, text in chosen.items()}, "PYTHONUNBUFFERED": "1"}


def supervise(
    programs: Sequence[Program],
    env: Mapping[str, str],
    stop: threading.Event | None = None,
    grace: timedelta = GRACE,
) -> None:
    """Keep the programs running. Raises NotifierError when one fails again and again as it starts."""
    stop = stop or threading.Event()
    width = max((len(program.name) for program in programs), default=0)
    children = [
        _Child(program, env, _printer(program.name, width, place)) for place, program in enumerate(programs)
    ]
    with _signals() as received:
        try:
            while not received and not stop.wait(0.1):
                for child in children:
                    child.keep_running()
        finally:
            _stop(children, grace, received)


class _Child:
    def __init__(self, program: Program, env: Mapping[str, str], show: Callable[[str], None]) -> None:
        self.program, self.env, self.show = program, env, show
        self.process: subprocess.Popen[str] | None = None
        self.started_at = self.due_at = time.monotonic()
        self.quick_failures = 0
        self.pause = timedelta(seconds=0.5)

    def keep_running(self) -> None:
        if self.process and self.process.poll() is not None:
            self._note_the_end(self.process.returncode)
        if not self.process and time.monotonic() >= self.due_at:
            self._start()

    def _note_the_end(self, code: int) -> None:
        self.process = None
        if time.monotonic() - self.started_at >= HEALTHY_AFTER.total_seconds():
            self.quick_failures, self.pause = 0, timedelta(seconds=0.5)
        elif code >= 0:  # a signal from outside says nothing about whether it can start
            self.quick_failures += 1
        if self.quick_failures >= QUICK_FAILURES:
            raise NotifierError(
                f"{self.program.name} ended {QUICK_FAILURES} times as it started, at last with exit code {code}.",
                "Its own lines above say why.",
            )
        self.show(f"ended with {_meaning(code)}; starts again in {self.pause.total_seconds():g} s")
        self.due_at = time.monotonic() + self.pause.total_seconds()
        self.pause = min(self.pause * 2, LONGEST_PAUSE)

    def _start(self) -> None:
        """In a session of its own: a Ctrl-C in the terminal reaches us alone, and we tell it once."""
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603
            self.program.command,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        threading.Thread(target=self._relay, args=[self.process], daemon=True).start()

    def _relay(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        for line in process.stdout:
            self.show(line.rstrip("\n"))

    def signal(self, number: signal.Signals) -> None:
        """To the whole group, so that a pool does not outlive its worker; SIGTERM to the leader, who tells it."""
        if self.process and self.process.poll() is None:
            with suppress(ProcessLookupError):
                (os.killpg if number == signal.SIGKILL else os.kill)(self.process.pid, number)

    def kill_the_rest(self) -> None:
        """Of its group, once it has ended itself: nobody waits for them any more."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)


def _stop(children: Sequence[_Child], grace: timedelta, received: list[int]) -> None:
    """SIGTERM, then SIGKILL after the grace time, or at once on a second Ctrl-C."""
    before = len(received)
    deadline = time.monotonic() + grace.total_seconds()
    for child in children:
        child.signal(signal.SIGTERM)
    while any(child.process and child.process.poll() is None for child in children):
        if time.monotonic() > deadline or len(received) > before:
            for child in children:
                child.signal(signal.SIGKILL)
        time.sleep(0.05)
    for child in children:
        child.kill_the_rest()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals received so far. A list, because an Event may deadlock when set from a signal handler."""
    received: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield received
        return

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    before = {
        number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def _die_with_parent() -> None:
    """Even when the supervisor is killed with -9. The kernel watches the thread that started the child."""
    if _libc:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _printer(name: str, width: int, place: int) -> Callable[[str], None]:
    label = f"{name:<{width}} |"
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ:
        label = f"\x1b[{COLOURS[place % len(COLOURS)]}m{label}\x1b[0m"

    def show(line: str) -> None:
        with suppress(OSError, ValueError):  # the terminal is gone
            sys.stderr.write(f"{label} {line}\n")

    return show


def _meaning(code: int) -> str:
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name


def _as_text(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, list):
        return ",".join(_as_text(part) for part in value)
    if isinstance(value, Path):
        return str(value.absolute())
    return "" if value is None else str(value)
