"""Real PostgreSQL and Redis for every test, started once and shared by all pytest workers."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import hypothesis
import pytest
import redis
from sqlalchemy import Connection, Engine, create_engine, make_url, text

from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.embedded import ensure_services, release_services
from notifier.settings import Settings
from tests.memory import make_folder, remove_folders

pytest_plugins = ["tests.fakes.fixtures"]

# How long an example takes says more about the machine's load than about us.
hypothesis.settings.register_profile(
    "notifier", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("notifier")

# What a shell starts in the background ignores Ctrl-C, and so would all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

TEMPLATE = "notifier_template"
TEMPLATE_LOCK = 1
IN_MEMORY = "NOTIFIER_TESTS_IN_MEMORY"
SECRET_KEY = "a-key-for-tests-only-0123456789abcdef"

for name in Settings.model_fields:  # the developer's own environment is no part of a test
    os.environ.pop(name.upper(), None)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # the workers of this run inherit it
        remove_folders()
        os.environ[IN_MEMORY] = str(make_folder() or "")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        remove_folders()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    return _allow_no_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector):
    return _allow_no_skip((yield))


def _allow_no_skip(report):
    """NOTIFIER_NO_SKIP=1: a skip is a failure, so that nothing goes untested unnoticed."""
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("NOTIFIER_NO_SKIP"):
        report.outcome = "failed"
        report.longrepr = f"skipped, but NOTIFIER_NO_SKIP is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The embedded servers of this test run, in a home that all pytest workers share."""
    folder = tmp_path_factory.getbasetemp()
    if in_memory := os.environ[IN_MEMORY]:
        folder = Path(in_memory)
    elif "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    yield ensure_services(Settings(_env_file=None, notifier_home=folder / "services"))
    release_services()


@pytest.fixture(scope="session")
def server(services: Settings) -> Iterator[Connection]:
    """A connection to the server itself, outside of any transaction, with the migrated template in place."""
    engine = create_engine(_with_database(services, "postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": TEMPLATE_LOCK})
        if not connection.scalar(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": TEMPLATE}):
            _make_template(connection, services)
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": TEMPLATE_LOCK})
        yield connection
    engine.dispose()


@pytest.fixture
def empty_database_url(server: Connection, services: Settings) -> Iterator[str]:
    yield from _database(server, services, "template0")


@pytest.fixture
def database_url(server: Connection, services: Settings) -> Iterator[str]:
    """A fresh, migrated database, for this test alone."""
    yield from _database(server, services, TEMPLATE)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = make_engine(database_url, application_name="notifier-tests")
    yield engine
    engine.dispose()


@pytest.fixture
def redis_url(services: Settings) -> str:
    """An empty Redis database; each pytest worker has its own number."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    url = f"{str(services.redis_url).rpartition('/')[0]}/{number}"
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def settings(database_url: str, redis_url: str, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,
        notifier_home=tmp_path / "home",
        database_url=database_url,
        redis_url=redis_url,
        outbox_dir=tmp_path / "outbox",
        secret_keys=[SECRET_KEY],
        public_url="http://localhost:8000",
    )


def _make_template(server: Connection, services: Settings) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # what tests write need not last
        server.execute(text(f"ALTER SYSTEM SET {setting} = off"))
    server.execute(text("SELECT pg_reload_conf()"))
    draft = f"{TEMPLATE}_draft"
    server.execute(text(f"DROP DATABASE IF EXISTS {draft} WITH (FORCE)"))
    server.execute(text(f"CREATE DATABASE {draft}"))
    engine = make_engine(_with_database(services, draft))
    upgrade(engine)
    engine.dispose()
    server.execute(text(f"ALTER DATABASE {draft} RENAME TO {TEMPLATE}"))


def _database(server: Connection, services: Settings, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex}"
    server.execute(text(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY"))
    yield _with_database(services, name)
    server.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _with_database(services: Settings, name: str) -> str:
    return make_url(str(services.database_url)).set(database=name).render_as_string(hide_password=False)
