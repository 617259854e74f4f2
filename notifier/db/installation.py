"""When this installation began."""

from datetime import date

from sqlalchemy import Connection, text


def installed_on(conn: Connection) -> date:
    """The UTC day of the first migration."""
    day: date = conn.execute(
        text("SELECT (installed_at AT TIME ZONE 'UTC')::date FROM installation")
    ).scalar_one()
    return day
