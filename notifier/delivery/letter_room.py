"""How many letters may wait for one mailbox."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.db.locks import Lock, hold_each

WAITING_AT_MOST = 4  # letters posted to one mailbox in a day, before a further one may wait for its minute
LATER = timedelta(seconds=60)
"""So long waits a letter for a mailbox that has just been written to."""


def has_room(conn: Connection, email: str, now: datetime) -> bool:
    """May one more letter wait for this mailbox, however its address is written? Asked by one at a time until the
    transaction ends, as many requests at once would all find room."""
    bind = {"email": email, "since": now - timedelta(days=1)}
    mailbox = _MAILBOX.format("CAST(:email AS text)")
    hold_each(conn, Lock.MAILBOX, mailbox, bind)
    posted: int = conn.execute(
        text(
            f"""SELECT count(*) FROM batches b JOIN deliveries d ON d.batch_id = b.id
                  LEFT JOIN sign_ups u ON u.id = d.sign_up_id LEFT JOIN subscribers s ON s.id = d.subscriber_id
                WHERE b.run_id IS NULL AND b.mail <> 'welcome' AND b.created_at > :since
                  AND {_MAILBOX.format("COALESCE(u.email, s.email)")} = {mailbox}"""
        ),
        bind,
    ).scalar_one()
    return posted < WAITING_AT_MOST


# As for the limits: "an.na+1@" and "anna@" lead to one mailbox.
_MAILBOX = (
    "(replace(split_part(split_part(lower({0}), '@', 1), '+', 1), '.', '') || split_part(lower({0}), '@', 2))"
)
