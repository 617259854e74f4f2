"""A transaction that is worth more than the connection it began on."""

import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, OperationalError

PAUSES_SECONDS = (0.1, 0.3, 1.0, 2.0, 4.0, 8.0)  # in all, half of a lease: a restart of PostgreSQL
DEADLOCK = "40P01"

T = TypeVar("T")


def persist(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Do this in a transaction; again, on a new connection, where the old one was lost or two waited in a circle.

    A lost connection may have taken the answer to a commit with it: `work` must find itself done.
    """
    for pause in PAUSES_SECONDS:
        try:
            return _once(engine, work)
        except DBAPIError as error:
            if not _may_pass(error):
                raise
        time.sleep(pause)
    return _once(engine, work)


def _may_pass(error: DBAPIError) -> bool:
    """A lost connection, one that is refused while the server restarts, or two that waited in a circle."""
    state = getattr(error.orig, "sqlstate", None) or ""
    refused = isinstance(error, OperationalError) and (not state or state[:2] in ("08", "57"))
    return error.connection_invalidated or refused or state == DEADLOCK


def _once(engine: Engine, work: Callable[[Connection], T]) -> T:
    with engine.begin() as conn:
        return work(conn)
