"""Positions: the gapless numbers by which digests know what is new.

An event is visible to digests from the moment it has a position. One writer numbers at a time, after
the events were committed; so no number is ever given below one that somebody has already seen.
"""

import structlog
from sqlalchemy import Connection, text

from notifier.db.locks import Lock, hold

log = structlog.get_logger()

_NUMBER = text("""
    WITH head AS (SELECT coalesce(max(position), 0) AS position FROM change_events),
         unnumbered AS (
             SELECT id, row_number() OVER (ORDER BY id) AS place FROM change_events WHERE position IS NULL
         )
    UPDATE change_events AS e SET position = head.position + unnumbered.place
    FROM head, unnumbered WHERE e.id = unnumbered.id
""")


def assign_positions(conn: Connection) -> int:
    """Number all committed events that have none; return the head. Holds its lock until the commit.

    Call it in a short transaction of its own. Whoever calls next numbers what a killed process left.
    """
    hold(conn, Lock.POSITIONS)
    numbered = conn.execute(_NUMBER).rowcount
    head = head_position(conn)
    if numbered:
        log.info("events_numbered", after=head - numbered, up_to=head)
    return head


def head_position(conn: Connection) -> int:
    """The highest position given so far; 0 where there is none."""
    return int(conn.execute(text("SELECT coalesce(max(position), 0) FROM change_events")).scalar_one())
