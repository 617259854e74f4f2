"""Counts over whole tables, too slow for every look: a worker takes them every ten minutes."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.db.locks import Lock, hold_if_free
from notifier.db.timeouts import give_up_after
from notifier.delivery.providers import REPORTING

COUNT_EVERY = timedelta(minutes=10)
LONGEST_COUNT = timedelta(minutes=5)
"""A count that takes longer is given up, and the old one stands: it must never weigh on the mail itself."""
Counts = dict[tuple[str, str], int]
"""{(name, label): value}; two labels stand as "active/daily"."""


def count_all(engine: Engine, *, now: datetime) -> bool:
    """Take all counts anew; False if another worker is at it."""
    with engine.begin() as conn:
        if not hold_if_free(conn, Lock.COUNTS):
            return False
        give_up_after(conn, LONGEST_COUNT)
        rows = [
            {"name": name, "label": label, "value": value, "now": now}
            for name, label, value in _counted(conn, now)
        ]
        conn.execute(text("DELETE FROM counts"))
        conn.execute(text("INSERT INTO counts VALUES (:name, :label, :value, :now)"), rows)
    return True


def _counted(conn: Connection, now: datetime) -> Iterator[tuple[str, str, int]]:
    bind = {"now": now, "reporting": list(REPORTING)}
    for name, statement in STATEMENTS.items():
        for label, value in conn.execute(text(statement), bind):
            yield name, label, value


def counts(conn: Connection) -> tuple[Counts, datetime | None]:
    """What was counted last, and when."""
    rows = conn.execute(text("SELECT * FROM counts")).all()
    return {(row.name, row.label): row.value for row in rows}, max(
        (row.counted_at for row in rows), default=None
    )


STATEMENTS = {
    "subscribers": """
        SELECT CASE WHEN s.state = 'active' AND s.paused_until > :now THEN 'paused' ELSE s.state END
               || '/' || c.frequency, count(*)
        FROM subscribers s JOIN schedules c ON c.id = s.schedule_id GROUP BY 1""",
    "subscriptions": """
        SELECT kind || '/' || state, count(*)
        FROM (SELECT t.kind, CASE WHEN u.ended_at IS NULL THEN 'active' ELSE 'stopped' END AS state
              FROM subscriptions u JOIN targets t ON t.id = u.target_id) x GROUP BY 1""",
    "sign_ups": """
        SELECT 'pending', count(*) FROM sign_ups WHERE confirmed_at IS NULL AND refused_at IS NULL""",
    "suppressions": "SELECT reason, count(*) FROM suppressions GROUP BY 1",
    "subscription_changes": "SELECT action || '/' || via, count(*) FROM subscription_changes GROUP BY 1",
    # Accepted a day ago by a provider that reports, and never heard of since.
    "unacknowledged": """
        SELECT '', count(d.id) FROM batches b JOIN deliveries d ON d.batch_id = b.id AND d.state IS NULL
        WHERE b.state = 'accepted' AND b.provider = ANY(:reporting)
          AND b.ended_at > CAST(:now AS timestamptz) - interval '2 days'
          AND b.ended_at <= CAST(:now AS timestamptz) - interval '1 day'""",
}
