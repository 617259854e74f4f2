"""Hold digests when people complain, or when addresses turn out to be dead: before the provider stops all mail."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.delivery import brakes
from notifier.delivery.audit import ITSELF, note_action
from notifier.settings import Settings

COMPLAINT_WINDOW, FEWEST_COMPLAINTS, FEWEST_DELIVERED_FOR_COMPLAINTS = timedelta(days=7), 3, 500
BOUNCE_WINDOW, FEWEST_BOUNCES, FEWEST_TRIED_FOR_BOUNCES = timedelta(days=1), 5, 100
DELIVERED, COMPLAINED, BOUNCED = ("delivered",), ("spamreport",), ("bounce", "dropped_invalid")
"""Kinds of feedback. A soft bounce, and what the provider did not even try, are no bounces here."""


HELD_DIGESTS = "held digests"
"""What is written down as resumed when this brake is lifted; lifting others does not begin the count anew."""


def complaint_ratio(complained: int, delivered: int) -> float:
    return complained / delivered if delivered else 0.0


def bounce_ratio(bounced: int, delivered: int) -> float:
    """Of what was tried."""
    return bounced / (bounced + delivered) if bounced else 0.0


def enough_complaints(complained: int, delivered: int) -> bool:
    """To judge by. One complaint of a hundred mails is no sign of anything."""
    return complained >= FEWEST_COMPLAINTS and delivered >= FEWEST_DELIVERED_FOR_COMPLAINTS


def enough_bounces(bounced: int, delivered: int) -> bool:
    return bounced >= FEWEST_BOUNCES and bounced + delivered >= FEWEST_TRIED_FOR_BOUNCES


def pause_if_unwelcome(engine: Engine, *, now: datetime, settings: Settings) -> str | None:
    """Pull the brake when a ratio passes its limit; the reason, or None. An operator who resumes starts the
    count anew, so that the same complaints do not stop the mail twice."""
    with engine.begin() as conn:
        if brakes.reason_of(conn, "unwelcome") is not None:
            return None
        reason = _reason(conn, now, settings)
        if reason:
            brakes.pull(conn, "unwelcome", reason, now=now)
            note_action(conn, "sending_paused", "all", f"automatic: {reason}", actor=ITSELF, now=now)
        return reason


def _reason(conn: Connection, now: datetime, settings: Settings) -> str | None:
    """The unwelcome are few and found by their index; the delivered are counted only once there are enough."""
    since = _since(conn, now - COMPLAINT_WINDOW)
    complaints = _count(conn, COMPLAINED, since)
    if complaints >= FEWEST_COMPLAINTS:
        delivered = _count(conn, DELIVERED, since)
        enough = enough_complaints(complaints, delivered)
        if enough and complaint_ratio(complaints, delivered) >= settings.complaint_limit:
            return f"{complaints} of {delivered} mails of the last 7 days were reported as spam"
    since = _since(conn, now - BOUNCE_WINDOW)
    bounces = _count(conn, BOUNCED, since)
    if bounces >= FEWEST_BOUNCES:
        delivered = _count(conn, DELIVERED, since)
        enough = enough_bounces(bounces, delivered)
        if enough and bounce_ratio(bounces, delivered) >= settings.bounce_limit:
            return f"{bounces} of {bounces + delivered} mails of the last day bounced for good"
    return None


def _since(conn: Connection, start: datetime) -> datetime:
    """From then on, or since an operator last let go what was held here."""
    resumed: datetime | None = conn.execute(
        text("SELECT max(at) FROM operator_actions WHERE action = 'sending_resumed' AND subject = :held"),
        {"held": HELD_DIGESTS},
    ).scalar_one()
    return max(start, resumed) if resumed else start


def _count(conn: Connection, kinds: tuple[str, ...], since: datetime) -> int:
    """Of digests, which are those of a run: who signs up dead addresses must not hold everybody's mail."""
    return int(
        conn.execute(
            text(
                f"""SELECT count(*) FROM feedback_events f JOIN deliveries d ON d.id = f.delivery_id
                    WHERE d.run_id IS NOT NULL AND f.received_at > :since
                      AND f.kind IN ({", ".join(f"'{kind}'" for kind in kinds)})"""
            ),
            {"since": since},
        ).scalar_one()
    )
