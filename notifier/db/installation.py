"""When this installation began."""

from datetime import date, datetime

from sqlalchemy import Connection, text


def installed_at(conn: Connection) -> datetime:
    """When the first migration was done."""
    moment: datetime = conn.execute(text("SELECT installed_at FROM installation")).scalar_one()
    return moment


def installed_on(conn: Connection) -> date:
    """The UTC day of the first migration."""
    day: date = conn.execute(
        text("SELECT (installed_at AT TIME ZONE 'UTC')::date FROM installation")
    ).scalar_one()
    return day
