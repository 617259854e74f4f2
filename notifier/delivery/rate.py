"""A rate for the account, shared by all workers: a token bucket in the database, in mails."""

from datetime import datetime

from sqlalchemy import Connection, text

BURST_SECONDS = 5
"""What may be saved up: a short burst, and never less than one batch."""


def people_allowed(conn: Connection, per_second: float, now: datetime) -> float:
    """Mails that may be claimed now; the bucket stays locked until the claim is committed, so that all
    workers together keep to the rate."""
    return float(
        conn.execute(
            text(
                """INSERT INTO send_budget (id, mails, counted_at) VALUES (1, :burst, :now)
                   ON CONFLICT (id) DO UPDATE
                   SET mails = LEAST(:burst, send_budget.mails + :rate * GREATEST(0,
                                     EXTRACT(epoch FROM EXCLUDED.counted_at - send_budget.counted_at))),
                       counted_at = GREATEST(send_budget.counted_at, EXCLUDED.counted_at)
                   RETURNING mails"""
            ),
            {"burst": per_second * BURST_SECONDS, "rate": per_second, "now": now},
        ).scalar_one()
    )


def spend(conn: Connection, mails: int) -> None:
    """A batch may overdraw the bucket; the debt is waited for before the next one."""
    conn.execute(text("UPDATE send_budget SET mails = mails - :mails WHERE id = 1"), {"mails": mails})
