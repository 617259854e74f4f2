"""Whose link it is. Pages that know it are in that person's language."""

from uuid import UUID

from sqlalchemy import Connection
from starlette.requests import Request

from notifier.subscriptions.overview import Overview, overview
from notifier.web.negotiation import read_by
from notifier.web.service import service_of


def reader(request: Request, conn: Connection, public_id: UUID) -> Overview | None:
    """None for people who are gone."""
    person = overview(conn, public_id, now=service_of(request).clock())
    if person:
        read_by(request, person.locale)
    return person


def find_reader(request: Request, public_id: UUID) -> Overview | None:
    with service_of(request).engine.connect() as conn:
        return reader(request, conn, public_id)
