"""What one person would read if their digest went out now. No person, run or edition is touched."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, Row, text

from notifier.digests.content import EditionContent
from notifier.digests.editions import load_editions, write_editions
from notifier.digests.matching import match_range
from notifier.digests.runs import DueRun
from notifier.registry.positions import assign_positions, head_position
from notifier.subscriptions.schedules import rhythm_of


@dataclass(frozen=True, slots=True)
class Preview:
    """`content` is None where there is nothing new. `rests_until`: a pause, or the quiet time after a mail at once."""

    content: EditionContent | None
    has_stopped: bool
    rests_until: datetime | None
    suppression: str | None  # the reason


def preview(engine: Engine, email_key: bytes, *, at: datetime) -> Preview:
    """Also while their mail rests. Raises LookupError if nobody has this address."""
    with engine.begin() as conn:
        assign_positions(conn)
    with engine.connect() as conn, conn.begin() as transaction:
        person = conn.execute(text(_PERSON), {"key": email_key, "at": at}).one_or_none()
        if person is None:
            raise LookupError
        content = _content(conn, person, at)
        transaction.rollback()
    return Preview(content, person.state == "stopped", person.rests_until, person.suppression)


_PERSON = """
SELECT s.id AS subscriber_id, s.state, c.*,
       CASE WHEN GREATEST(s.paused_until, s.quiet_until) > :at THEN GREATEST(s.paused_until, s.quiet_until) END
         AS rests_until,
       (SELECT reason FROM suppressions p WHERE p.email_key = s.email_key) AS suppression
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id
WHERE s.email_key = :key
"""


def _content(conn: Connection, person: Row[tuple[object, ...]], at: datetime) -> EditionContent | None:
    """Writes an edition if there is something to read."""
    due = DueRun(person.id, rhythm_of(person), "preview", None, person.covered_to, head_position(conn))
    match_range(conn, due, at, only=person.subscriber_id)
    write_editions(conn, at)
    edition_id = conn.execute(text("SELECT edition_id FROM planned_mail")).scalar_one_or_none()
    return load_editions(conn, [edition_id])[edition_id] if edition_id else None
