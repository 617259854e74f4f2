"""How long a transaction may take that nobody waits for."""

from datetime import timedelta

from sqlalchemy import Connection, text


def give_up_after(conn: Connection, limit: timedelta) -> None:
    """The transaction that has begun fails once it has taken so long; before PostgreSQL 17, once one of its
    statements has."""
    milliseconds = limit // timedelta(milliseconds=1)
    conn.execute(text(f"SET LOCAL statement_timeout = {milliseconds}"))
    version = conn.dialect.server_version_info
    if version and version >= (17,):
        conn.execute(text(f"SET LOCAL transaction_timeout = {milliseconds}"))
