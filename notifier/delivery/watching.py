"""Pause by itself when people complain, or when addresses turn out to be dead: before the provider does it."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.delivery import brakes
from notifier.delivery.audit import note_action
from notifier.settings import Settings

COMPLAINT_WINDOW, FEWEST_COMPLAINTS, FEWEST_DELIVERED_FOR_COMPLAINTS = timedelta(days=7), 3, 500
BOUNCE_WINDOW, FEWEST_BOUNCES, FEWEST_DELIVERED_FOR_BOUNCES = timedelta(days=1), 5, 100


def pause_if_unwelcome(engine: Engine, *, now: datetime, settings: Settings) -> str | None:
    """Pull the brake when a ratio passes its limit; the reason, or None. An operator who resumes starts the
    count anew, so that the same complaints do not stop the mail twice."""
    with engine.begin() as conn:
        if brakes.is_on(conn, "paused"):
            return None
        reason = _reason(conn, now, settings)
        if reason:
            brakes.pull(conn, "paused", reason, now=now)
            note_action(conn, "sending_paused", "all", f"automatic: {reason}", now=now)
        return reason


def _reason(conn: Connection, now: datetime, settings: Settings) -> str | None:
    delivered, complaints = _counts(conn, ("spamreport",), now - COMPLAINT_WINDOW)
    ratio = complaints / delivered if delivered else 0
    if (
        complaints >= FEWEST_COMPLAINTS
        and delivered >= FEWEST_DELIVERED_FOR_COMPLAINTS
        and ratio >= settings.complaint_limit
    ):
        return f"{complaints} of {delivered} mails of the last 7 days were reported as spam"
    delivered, bounces = _counts(conn, ("bounce", "dropped_invalid"), now - BOUNCE_WINDOW)
    ratio = bounces / (delivered + bounces) if bounces else 0
    if (
        bounces >= FEWEST_BOUNCES
        and delivered + bounces >= FEWEST_DELIVERED_FOR_BOUNCES
        and ratio >= settings.bounce_limit
    ):
        return f"{bounces} of {delivered + bounces} mails of the last day bounced for good"
    return None


def _counts(conn: Connection, kinds: tuple[str, ...], since: datetime) -> tuple[int, int]:
    """(delivered, of these kinds) since then, or since sending was last resumed."""
    row = conn.execute(
        text(
            """SELECT count(*) FILTER (WHERE kind = 'delivered') AS delivered,
                      count(*) FILTER (WHERE kind = ANY(:kinds)) AS unwelcome
               FROM feedback_events
               WHERE received_at > GREATEST(:since, (SELECT max(at) FROM operator_actions
                                                     WHERE action = 'sending_resumed' AND subject = 'all'))"""
        ),
        {"kinds": list(kinds), "since": since},
    ).one()
    return row.delivered, row.unwelcome
