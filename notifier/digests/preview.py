"""What a person would read if their digest went out now. Nothing is written."""

from datetime import datetime

from sqlalchemy import Engine, text

from notifier.digests.content import EditionContent
from notifier.digests.editions import load_editions, write_editions
from notifier.digests.matching import match_range
from notifier.digests.runs import DueRun
from notifier.registry.positions import assign_positions, head_position
from notifier.subscriptions.schedules import rhythm_of


def preview(engine: Engine, email_key: bytes, *, at: datetime) -> EditionContent | None:
    """None: there is nothing to read yet. Raises LookupError if nobody has this address."""
    with engine.begin() as conn:
        assign_positions(conn)
    with engine.connect() as conn, conn.begin() as transaction:
        person = conn.execute(
            text(
                """SELECT s.id AS subscriber_id, c.* FROM subscribers s JOIN schedules c ON c.id = s.schedule_id
                   WHERE s.email_key = :key"""
            ),
            {"key": email_key},
        ).one_or_none()
        if person is None:
            raise LookupError
        head = head_position(conn)
        match_range(conn, DueRun(person.id, rhythm_of(person), "preview", None, person.covered_to, head), at)
        write_editions(conn, at)
        edition_id = conn.execute(
            text("SELECT edition_id FROM planned_mail WHERE subscriber_id = :id"),
            {"id": person.subscriber_id},
        ).scalar_one_or_none()
        content = load_editions(conn, [edition_id])[edition_id] if edition_id else None
        transaction.rollback()
    return content
