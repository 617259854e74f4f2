"""The one way to an engine."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, create_engine

# A database machine that vanished closes nothing. Without these a statement waits for its answer for hours.
GONE = {
    "tcp_user_timeout": 30_000,  # milliseconds
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
}


def make_engine(
    url: str, *, application_name: str = "notifier", lock_timeout: timedelta = timedelta(0), **options: Any
) -> Engine:
    """Sessions speak UTC; a connection that died while idle is replaced before it is used.

    A statement that waits longer than `lock_timeout` for a lock fails; 0 waits as long as it takes.
    """
    arguments = {
        "application_name": application_name,
        "options": f"-c timezone=UTC -c lock_timeout={lock_timeout // timedelta(milliseconds=1)}",
        "connect_timeout": 10,
        **GONE,
    }
    # Errors name the statement, never its values: they are addresses and conditions.
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=arguments, **options)
