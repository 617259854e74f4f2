"""Mails that visitors have us send: within limits, and woken when the answer has gone out."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, text
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response

from notifier.delivery.letters import post_letter
from notifier.subscriptions.holding import id_of
from notifier.web.limits import Verdict
from notifier.web.pages import page
from notifier.web.problems import problem
from notifier.web.service import Service, service_of
from notifier.web.visitors import network_of

RECEIPT_AT_MOST_EVERY = timedelta(days=1)


def may_mail(request: Request, address: str) -> Verdict:
    service = service_of(request)
    return service.limits.allow_mail_to(address, network_of(request, service.settings))


def refused(request: Request, verdict: Verdict) -> Response | None:
    """The page for `network` and `down`. None otherwise: `address` is answered as `ok` is, and nothing is sent."""
    if verdict == "down":
        return problem(request, 503)
    if verdict != "network":
        return None
    answer = page(request, "wait", 429)
    answer.headers["retry-after"] = "60"
    return answer


def wake_letters(service: Service) -> BackgroundTask:
    """For afterwards: without Redis a wake-up takes seconds to fail, and the letter is found without it."""
    return BackgroundTask(service.wake, "letter")


def post_welcome(service: Service, conn: Connection, person: UUID) -> None:
    """Where WELCOME_MAIL is on, say what has been set up. Whether it goes is decided when it is claimed."""
    if service.settings.welcome_mail:
        post_letter(conn, "welcome", now=service.clock(), subscriber_id=id_of(conn, person))


def post_receipt(conn: Connection, person: UUID, now: datetime) -> None:
    """Say once that everything has stopped; at most once a day, as people may stop and undo several times.

    Not after a one-click: whoever pressed the button of their mail program wants no further mail.
    """
    subscriber_id = conn.execute(
        text(
            """SELECT s.id FROM subscribers s WHERE s.public_id = :person AND NOT EXISTS (
                 SELECT 1 FROM deliveries d JOIN batches b ON b.id = d.batch_id
                 WHERE d.subscriber_id = s.id AND b.mail = 'stopped' AND b.created_at > :since)"""
        ),
        {"person": person, "since": now - RECEIPT_AT_MOST_EVERY},
    ).scalar_one_or_none()
    if subscriber_id is not None:
        post_letter(conn, "stopped", now=now, subscriber_id=subscriber_id)
