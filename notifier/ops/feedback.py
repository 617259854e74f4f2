"""What the provider's webhook says, in numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.delivery import watching

RATIO_WINDOWS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}
LATEST_EVENTS = 1_000
TURNED_AWAY = ("blocked", "dropped", "dropped_bounced", "dropped_complaint", "dropped_unsubscribed")
"""By mailboxes, for now, or by the provider, which did not try: no dead addresses, so no brake counts them."""


@dataclass(frozen=True)
class Reported:
    """Digests that the webhook spoke of within a window: the same counts by which sending pauses itself
    (notifier/delivery/watching.py), but by whole hours, and not begun anew when an operator resumes."""

    window: str
    delivered: int
    bounced: int
    complained: int
    turned_away: int

    @property
    def complaint_ratio(self) -> float:
        return watching.complaint_ratio(self.complained, self.delivered)

    @property
    def bounce_ratio(self) -> float:
        return watching.bounce_ratio(self.bounced, self.delivered)


@dataclass(frozen=True)
class Webhook:
    """`lag` is half of the latest events' way from the provider's clock to ours."""

    totals: dict[str, int]
    last_event_at: datetime | None
    lag: timedelta | None
    waiting: int  # taken in, not applied


def reported(conn: Connection, now: datetime) -> list[Reported]:
    bind = {f"since_{name}": now - window for name, window in RATIO_WINDOWS.items()}
    rows: Sequence[tuple[int, ...]] = [tuple(row) for row in conn.execute(text(_REPORTED), bind)]
    size = len(_KINDS)
    return [
        Reported(name, *rows[0][place * size : (place + 1) * size])
        for place, name in enumerate(RATIO_WINDOWS)
    ]


def webhook(conn: Connection) -> Webhook:
    totals = conn.execute(text("SELECT kind, sum(events)::bigint FROM feedback_hours GROUP BY kind"))
    last = conn.execute(text(_LATEST), {"count": LATEST_EVENTS}).one()
    waiting = conn.execute(text("SELECT count(*) FROM feedback_events WHERE applied_at IS NULL")).scalar_one()
    return Webhook({kind: int(events) for kind, events in totals}, last.received_at, last.lag, int(waiting))


def _words(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


_KINDS = (watching.DELIVERED, watching.BOUNCED, watching.COMPLAINED, TURNED_AWAY)  # as Reported has them
_SUMS = ", ".join(
    f"COALESCE(sum(events) FILTER (WHERE hour > :since_{name} AND kind IN ({_words(kinds)})), 0)::bigint"
    for name in RATIO_WINDOWS
    for kinds in _KINDS
)
_REPORTED = f"SELECT {_SUMS} FROM feedback_hours WHERE digest AND hour > :since_30d"

_LATEST = """
SELECT max(received_at) AS received_at,
       percentile_disc(0.5) WITHIN GROUP (ORDER BY GREATEST(received_at - occurred_at, interval '0')) AS lag
FROM (SELECT received_at, occurred_at FROM feedback_events ORDER BY received_at DESC LIMIT :count) x
"""
