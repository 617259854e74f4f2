"""The web process."""

import uvicorn

from notifier.db.engine import make_engine
from notifier.settings import Settings
from notifier.settings_checks import on_this_machine
from notifier.web.app import create_app
from notifier.web.service import Wake

CONNECTIONS = 20
POOL_TIMEOUT_SECONDS = 5
SHUTDOWN_SECONDS = 10


def serve(settings: Settings, wake: Wake) -> None:
    """Serve until SIGTERM or Ctrl-C. `settings` come from `ensure_services`, so the database's address is known."""
    assert settings.database_url
    engine = make_engine(
        settings.database_url,
        application_name="notifier-web",
        pool_size=CONNECTIONS,
        max_overflow=0,
        pool_timeout=POOL_TIMEOUT_SECONDS,
    )
    try:
        uvicorn.run(
            create_app(settings, engine, wake),
            host=listen_host(settings),
            port=settings.port,
            access_log=False,  # its lines hold the path, and so the token
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
    finally:
        engine.dispose()


def listen_host(settings: Settings) -> str:
    """Other machines can reach it only when PUBLIC_URL says that it is meant for them."""
    return "127.0.0.1" if on_this_machine(settings.public_url) else "0.0.0.0"  # noqa: S104
