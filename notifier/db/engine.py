"""The one way to an engine."""

from typing import Any

from sqlalchemy import Engine, create_engine


def make_engine(url: str, *, application_name: str = "notifier", **options: Any) -> Engine:
    """Sessions speak UTC; a connection that died while idle is replaced before it is used."""
    arguments = {"application_name": application_name, "options": "-c timezone=UTC", "connect_timeout": 10}
    # Errors name the statement, never its values: they are addresses and conditions.
    return create_engine(url, pool_pre_ping=True, hide_parameters=True, connect_args=arguments, **options)
