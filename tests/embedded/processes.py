"""Processes that use the embedded services, for the tests to start, stop and kill."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil

from tests.paths import ROOT

JOIN = """
import json, sys
from pathlib import Path
from notifier.embedded import ensure_services
from notifier.settings import Settings
settings = ensure_services(Settings(_env_file=None, notifier_home=Path(sys.argv[1])))
print(json.dumps([settings.database_url, settings.redis_url]), flush=True)
sys.stdin.read()
"""


class User:
    """A process that joins the services of a home, and stays until it is told to go."""

    def __init__(self, home: Path, *, uid: int | None = None) -> None:
        self.process = subprocess.Popen(
            [*_as_user(uid), sys.executable, "-c", JOIN, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=home.parent,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )

    def urls(self) -> list[str]:
        """What `ensure_services` gave it."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def leave(self) -> str:
        """Let it end in peace. Returns what it had to say on stderr."""
        self.process.stdin.close()
        self.process.wait(60)
        return self.process.stderr.read()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(60)


def _as_user(uid: int | None) -> list[str]:
    """Another user may lack the way to our Python (below /root, say): the capability to read lends it."""
    if uid is None:
        return []
    lent = ["--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search"]
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *lent]


def servers(home: Path) -> list[psutil.Process]:
    """The PostgreSQL and Redis processes of a home that run now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() in ("postgres", "redis-server") and Path(process.cwd()).is_relative_to(home):
                found.append(process)
        except (psutil.Error, OSError):  # it ended as we looked
            continue
    return found


def leaders(home: Path) -> list[str]:
    """Names of the servers, without PostgreSQL's own helpers."""
    running = servers(home)
    pids = {process.pid for process in running}
    return sorted(process.name() for process in running if process.ppid() not in pids)


def end_servers(home: Path) -> None:
    for process in servers(home):
        process.kill()
    shutil.rmtree(home, ignore_errors=True)
