"""A database and a Redis for one seed: made for it, broken by it, gone after it."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import redis
from sqlalchemy import create_engine, make_url, text

from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.embedded import ensure_services, release_services
from notifier.embedded.home import free_port
from notifier.embedded.redis_server import _program
from notifier.settings import Settings
from tests.waiting import wait_for

NEED_NOT_LAST = ("fsync", "synchronous_commit", "full_page_writes")  # PostgreSQL itself is not killed here


@contextmanager
def postgres(home: Path, given: str | None) -> Iterator[str]:
    """The address of a server on which databases may be made: the one given, or an embedded one."""
    if given:
        yield given
        return
    nowhere = "redis://127.0.0.1:1/0"
    settings = Settings(_env_file=None, notifier_home=home, redis_url=nowhere)  # type: ignore[call-arg]
    url = str(ensure_services(settings).database_url)
    try:
        with _server(url) as connection:
            for setting in NEED_NOT_LAST:
                connection.execute(text(f"ALTER SYSTEM SET {setting} = off"))
            connection.execute(text("SELECT pg_reload_conf()"))
        yield url
    finally:
        release_services()


@contextmanager
def database(server: str) -> Iterator[str]:
    """A fresh, migrated database; dropped at the end."""
    name = f"faults_{uuid4().hex}"
    url = make_url(server).set(database=name).render_as_string(hide_password=False)
    with _server(server) as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    try:
        engine = make_engine(url)
        upgrade(engine)
        engine.dispose()
        yield url
    finally:
        with _server(server) as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


@contextmanager
def _server(url: str) -> Iterator:
    engine = create_engine(make_url(url).set(database="postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@dataclass
class Redis:
    """On one port for all its lives, with a log of what it was told, as in production."""

    folder: Path
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        options = f"--bind 127.0.0.1 --port {self.port} --appendonly yes --maxmemory-policy noeviction"
        self.process = subprocess.Popen(
            [_program(), *options.split(), "--save", "", "--dir", str(self.folder)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        wait_for(self._answers)

    def kill(self) -> None:
        assert self.process
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def flush(self) -> None:
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url, socket_timeout=5) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False
