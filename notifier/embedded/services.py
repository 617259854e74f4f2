"""Start or join, and leave: the last process out stops the servers."""

import atexit
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from notifier.embedded.home import join_users, leave_users, make_home, server_password, start_lock
from notifier.embedded.postgres_server import start_postgres, stop_postgres
from notifier.embedded.redis_server import start_redis, stop_redis
from notifier.errors import NotifierError
from notifier.settings import Settings

DATA = {"database_url": "postgres", "redis_url": "redis"}
SERVICES = tuple(DATA)


@dataclass
class _Held:
    """What this process holds of one home. A forked child holds nothing: the lock is its parent's."""

    home: Path
    users_lock: int
    password: str
    urls: dict[str, str] = field(default_factory=dict)
    owner: int = field(default_factory=os.getpid)


_held: dict[Path, _Held] = {}
_guard = threading.Lock()


def ensure_services(settings: Settings, needed: Sequence[str] = SERVICES) -> Settings:
    """Settings with these addresses filled in. Where one is not set, an embedded server is started or joined.

    An address that is set is taken as it is: nothing is connected to here.
    """
    missing = [name for name in needed if getattr(settings, name) is None]
    if not missing:
        return settings
    try:
        with _guard:
            urls = _urls(make_home(settings.notifier_home), missing)
    except OSError as error:
        raise NotifierError(
            f"NOTIFIER_HOME ({settings.notifier_home}) cannot be used: {error.strerror or error}.",
            "Set it to a folder that you own, or set DATABASE_URL and REDIS_URL.",
        ) from error
    return settings.model_copy(update=urls)


def not_made(settings: Settings, needed: Sequence[str] = SERVICES) -> list[str]:
    """Those of them that `ensure_services` would have to make anew, as NOTIFIER_HOME has never had them."""
    return [
        name
        for name in needed
        if getattr(settings, name) is None and not os.path.lexists(settings.notifier_home / DATA[name])
    ]


def release_services() -> None:
    """Leave every home that this process uses. Runs at exit, too."""
    with _guard:
        for held in list(_held.values()):
            del _held[held.home]
            if held.owner == os.getpid():
                _leave(held)


def _urls(home: Path, names: list[str]) -> dict[str, str]:
    held = _held.get(home)
    if held and all(name in held.urls for name in names):
        return {name: held.urls[name] for name in names}
    with start_lock(home):
        if not held:
            held = _held[home] = _Held(home, join_users(home), server_password(home))
        if "database_url" in names:
            plain = start_postgres(home, held.password)
            held.urls["database_url"] = plain.replace("postgresql://", "postgresql+psycopg://", 1)
        if "redis_url" in names:
            held.urls["redis_url"] = start_redis(home, held.password)
    return {name: held.urls[name] for name in names}


def _leave(held: _Held) -> None:
    with start_lock(held.home):
        if leave_users(held.users_lock):
            stop_redis(held.home, held.password)
            stop_postgres(held.home)


atexit.register(release_services)
