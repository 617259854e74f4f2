"""NOTIFIER_HOME: the folder, its locks, the password of its servers."""

import fcntl
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SEARCHABLE = 0o711  # the server's own user walks through; the files inside have modes of their own


def make_home(path: Path) -> Path:
    path.mkdir(mode=SEARCHABLE, parents=True, exist_ok=True)
    return path.resolve()


@contextmanager
def start_lock(home: Path) -> Iterator[None]:
    """One process at a time starts, joins or stops the servers of a home."""
    descriptor = _open(home / "start.lock")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def join_users(home: Path) -> int:
    """Hold the shared lock that says that somebody uses the servers. The kernel drops it with the process."""
    descriptor = _open(home / "users.lock")
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    return descriptor


def leave_users(descriptor: int) -> bool:
    """Drop the shared lock. True when nobody else holds it. Call with the start lock held."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        fcntl.flock(
            descriptor, fcntl.LOCK_UN
        )  # closing alone would leave the lock to children that we forked
        os.close(descriptor)
    return True


def server_password(home: Path) -> str:
    """Made once, readable by the owner only. Call with the start lock held."""
    path = home / "services-password"
    if not path.exists():
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_hex(24))
        draft.rename(path)
    return path.read_text()


def free_port() -> int:
    """A loopback port that was free a moment ago; whoever binds it retries when it no longer is."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
