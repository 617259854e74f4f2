"""Where the demo lives: a folder of its own, emptied at each start, and none of your settings."""

import fcntl
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from notifier.cli.demo_world import zones
from notifier.embedded.home import free_port, join_users, leave_users, make_home, server_password, start_lock
from notifier.embedded.postgres_server import stop_postgres
from notifier.embedded.redis_server import stop_redis
from notifier.errors import NotifierError
from notifier.settings import Settings, load_settings

MARK = "this-is-a-demo"  # only a folder that holds this file is ever emptied
USUAL_PORT = 8000


@contextmanager
def demo_home(chosen: Path | None) -> Iterator[Path]:
    """An empty folder that is ours alone while this lasts."""
    path = chosen or Path(os.environ.get("NOTIFIER_HOME") or ".notifier") / "demo"
    try:
        home = make_home(path)
        lock = os.open(home, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _claim(lock, home)
            _empty(home)
            (home / MARK).touch()
            yield home
        finally:
            os.close(lock)
    except OSError as error:
        raise NotifierError(
            f"{path} cannot be used for the demo: {error.strerror or error}.",
            "Name another folder with --home.",
        ) from error


def live_in(home: Path, api_key: str) -> Settings:
    """Give this process, and all that it starts, the demo's settings and no others.

    Settings are taken from the environment and from `.env` in the current folder. So the ones that are set
    are taken away, and the current folder becomes the home, where no `.env` lies.
    """
    for name in [name for name in os.environ if name.lower() in Settings.model_fields]:
        del os.environ[name]
    port = _port()
    os.environ.update(
        NOTIFIER_HOME=str(home),
        PORT=str(port),
        PUBLIC_URL=f"http://localhost:{port}",
        MAIL_PROVIDER="outbox",
        SITE_STUDY_URL="https://example.org/studies/{nct_id}",
        API_KEYS=api_key,
        DEV_PAGES="true",
        DIGEST_HOUR=str(_calm_hour(datetime.now(UTC))),
    )
    os.chdir(home)
    load_settings.cache_clear()
    return load_settings()


def _claim(lock: int, home: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise NotifierError(
            f"A demo is running in {home} already.",
            "Stop it with Ctrl-C, or give this one a --home of its own.",
        ) from None


def _empty(home: Path) -> None:
    if not any(home.iterdir()):
        return
    if not (home / MARK).exists():
        raise NotifierError(
            f"{home} holds files that are not a demo's; nothing was touched.",
            "Name a new or an empty folder with --home.",
        )
    _stop_leftovers(home)
    for path in home.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:  # it stays, so that an emptying that is cut short can be repeated
            path.unlink()


def _stop_leftovers(home: Path) -> None:
    """A demo that was killed leaves its database and its queue running."""
    with start_lock(home):
        if not leave_users(join_users(home)):
            raise NotifierError(
                f"Some other command is using the database in {home}.",
                "Let it end, or give this demo a --home of its own.",
            )
        stop_redis(home, server_password(home))
        stop_postgres(home)


def _port() -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return free_port()
    return USUAL_PORT


def _calm_hour(now: datetime) -> int:
    """A digest hour that begins in no zone within the next hour: it is the demo that says when one is due."""
    soon = now + timedelta(hours=1)
    taken = {soon.astimezone(ZoneInfo(zone)).hour for zone in zones()}
    return min(set(range(24)) - taken, key=lambda hour: (hour < 8, hour))
