"""Fresh links. Whoever asks for one is answered before anybody looks whether the address is known, so that the time it
took says nothing; what was asked is in the database by then, so that a killed process forgets nobody."""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, Row, text

from notifier.db.locks import Lock, hold
from notifier.delivery.letter_room import LATER, has_room
from notifier.delivery.letters import post_letter
from notifier.links.timed import LIFETIMES

log = structlog.get_logger()


def ask_for_links(conn: Connection, email_key: bytes, *, enough: bool, now: datetime) -> None:
    """Wake "letter" after the commit. `enough`: this mailbox was written to just now, or enough."""
    bind = {"key": email_key, "enough": enough, "now": now}
    conn.execute(
        text("INSERT INTO link_requests (email_key, enough, asked_at) VALUES (:key, :enough, :now)"), bind
    )


def post_links(engine: Engine) -> None:
    """A link to what they follow for each who asked, and one to what they have not confirmed yet, as whoever lost
    either link asks here."""
    while True:
        with engine.begin() as conn:
            hold(conn, Lock.LINKS)  # two who look at once would find that neither has posted anything
            asked = conn.execute(text(_NEXT)).one_or_none()
            if asked is None:
                return
            letters = _post(conn, asked)
        log.info("link_asked_for", letters=letters)


_NEXT = """
DELETE FROM link_requests WHERE id = (SELECT min(id) FROM link_requests)
RETURNING email_key AS key, enough, asked_at
"""


def _post(conn: Connection, asked: Row[Any]) -> int:
    """Sign-ups first, as an erasure holds them. Who asked twice within a minute pressed the button twice."""
    bind = {"key": asked.key, "since": asked.asked_at - LATER, "dead": asked.asked_at - LIFETIMES["confirm"]}
    sign_up = conn.execute(text(_OPEN_SIGN_UP), bind).one_or_none()
    person = conn.execute(text(_SUBSCRIBER), bind).one_or_none()
    found = sign_up or person
    if found is None or (asked.enough and not has_room(conn, found.email, asked.asked_at)):
        return 0
    dates = {"now": asked.asked_at, "at": asked.asked_at + LATER if asked.enough else asked.asked_at}
    posted = []
    if sign_up and not sign_up.posted:
        posted.append(post_letter(conn, "confirm", sign_up_id=sign_up.id, **dates))
    if person and not person.posted:
        posted.append(post_letter(conn, "manage_link", subscriber_id=person.id, **dates))
    return len(posted)


_POSTED = """EXISTS (
    SELECT FROM batches b JOIN deliveries d ON d.batch_id = b.id
    WHERE b.run_id IS NULL AND b.created_at > :since AND b.state NOT IN ('failed', 'dropped')
      AND (d.state IS NULL OR d.state = 'delivered') AND {0}) AS posted"""

_SUBSCRIBER = f"""
SELECT s.id, s.email, {_POSTED.format("d.subscriber_id = s.id AND b.mail = 'manage_link'")}
FROM subscribers s WHERE s.email_key = :key AND s.email <> ''
"""

_OPEN_SIGN_UP = f"""
SELECT u.id, u.email, {_POSTED.format("d.sign_up_id = u.id")}
FROM sign_ups u
WHERE u.email_key = :key AND u.confirmed_at IS NULL AND u.refused_at IS NULL
  AND COALESCE(u.renewed_at, u.requested_at) > :dead
ORDER BY u.requested_at DESC LIMIT 1
"""
