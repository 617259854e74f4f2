"""Letters: mails to one person who waits for them, such as a link to confirm. They go before any digest."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

Mail = Literal["confirm", "manage_link", "stopped"]


def post_letter(
    conn: Connection,
    mail: Mail,
    *,
    now: datetime,
    sign_up_id: int | None = None,
    subscriber_id: int | None = None,
) -> UUID:
    """Put a letter into the ledger, in the caller's transaction; its delivery's id. Wake "letter" after the commit.

    `confirm` goes to whoever signed up, the others to a subscriber. What it says, and whether it may go, is decided
    when it is claimed.
    """
    if (mail == "confirm") != (sign_up_id is not None) or (sign_up_id is None) == (subscriber_id is None):
        raise ValueError("a confirm letter is about a sign-up, any other about a subscriber")
    delivery_id: UUID = conn.execute(
        text(
            """WITH letter AS (INSERT INTO batches (mail, size, next_attempt_at, created_at)
                               VALUES (:mail, 1, :now, :now) RETURNING id)
               INSERT INTO deliveries (batch_id, sign_up_id, subscriber_id)
               SELECT id, CAST(:sign_up_id AS bigint), CAST(:subscriber_id AS bigint) FROM letter RETURNING id"""
        ),
        {"mail": mail, "now": now, "sign_up_id": sign_up_id, "subscriber_id": subscriber_id},
    ).scalar_one()
    return delivery_id
