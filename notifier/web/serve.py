"""The web process."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import uvicorn
from sqlalchemy import Engine

from notifier.db.engine import make_engine
from notifier.settings import Settings
from notifier.settings_checks import on_this_machine
from notifier.web.app import create_app
from notifier.web.leaving import PRESSES, THREADS
from notifier.web.service import Wake

CONNECTIONS, LEAVING_CONNECTIONS = 20, THREADS + PRESSES
POOL_TIMEOUT_SECONDS = 5
LOCK_TIMEOUT = timedelta(seconds=10)  # a large run holds its schedule while it is planned
SHUTDOWN_SECONDS = 10
SWITCH_SECONDS = 0.001
"""How long a thread with an answer of the database waits for the one that reads requests. Python's own is 0.005, eight
times for one unsubscribe while many come in."""


def serve(settings: Settings, wake: Wake) -> None:
    """Serve until SIGTERM or Ctrl-C. `settings` come from `ensure_services`, so the database's address is known."""
    sys.setswitchinterval(SWITCH_SECONDS)
    with (
        _engine(settings, CONNECTIONS, LOCK_TIMEOUT) as engine,
        _engine(settings, LEAVING_CONNECTIONS) as leaving,
    ):
        app = create_app(settings, engine, wake, leaving=leaving)
        gc.freeze()  # to look through what stands here would hold everybody up for a tenth of a second each time
        uvicorn.run(
            app,
            host=listen_host(settings),
            port=settings.port,
            access_log=False,  # its lines hold the path, and so the token
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )


@contextmanager
def _engine(settings: Settings, connections: int, lock_timeout: timedelta = timedelta(0)) -> Iterator[Engine]:
    """No lock is waited for longer than `lock_timeout`, 0 for no such limit: the page says to try again."""
    assert settings.database_url
    engine = make_engine(
        settings.database_url,
        application_name="notifier-web",
        lock_timeout=lock_timeout,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
    )
    try:
        yield engine
    finally:
        engine.dispose()


def listen_host(settings: Settings) -> str:
    """Other machines can reach it only when PUBLIC_URL says that it is meant for them."""
    return "127.0.0.1" if on_this_machine(settings.public_url) else "0.0.0.0"  # noqa: S104
