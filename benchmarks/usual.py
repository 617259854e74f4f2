"""The usual design, for comparison: one Celery task, one SDK call and one commit for each person.

A Celery app of its own with Celery's defaults. The words are the same: our templates, our links.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Any
from uuid import uuid4

from celery import Celery
from sendgrid import SendGridAPIClient
from sendgrid.helpers.mail import (
    ClickTracking,
    CustomArg,
    From,
    Header,
    Mail,
    OpenTracking,
    SubscriptionTracking,
    TrackingSettings,
)
from sqlalchemy import Connection, Engine, text

from notifier.db.engine import make_engine
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import DELIVERY_ID_ARG
from notifier.delivery.providers.headers import person_headers
from notifier.digests.content import EditionContent, Item, Reason
from notifier.digests.rendering import render
from notifier.digests.tags import UNSUBSCRIBE_TAG
from notifier.links.keys import signing_keys
from notifier.settings import load_settings

app = Celery("usual")
app.add_defaults(
    lambda: {"broker_url": os.environ["REDIS_URL"], "task_default_queue": "usual", "task_ignore_result": True}
)

TABLE = (
    "CREATE TABLE usual_deliveries (id uuid PRIMARY KEY, subscriber_id bigint NOT NULL UNIQUE, status int)"
)

_DUE = text("""
    SELECT DISTINCT b.subscriber_id FROM subscriptions b JOIN event_targets t USING (target_id)
    WHERE b.ended_at IS NULL AND b.subscriber_id BETWEEN :first AND :last
""")
_PERSON = text("SELECT email, public_id, locale FROM subscribers WHERE id = :id AND state = 'active'")
_EVENTS = text("""
    SELECT e.id, t.evidence, g.id AS target_id, g.kind AS target_kind, g.label, e.kind, e.changes, e.study,
           e.position, e.occurred_on, s.nct_id
    FROM subscriptions b JOIN event_targets t ON t.target_id = b.target_id AND t.evidence <= b.reach
    JOIN targets g ON g.id = b.target_id JOIN change_events e ON e.id = t.event_id JOIN studies s ON s.id = e.study_id
    WHERE b.subscriber_id = :id AND b.ended_at IS NULL AND e.position > b.start_position
    ORDER BY e.position, t.evidence, g.label
""")
_DONE = text("INSERT INTO usual_deliveries (id, subscriber_id, status) VALUES (:id, :subscriber_id, :status)")


@cache
def engine() -> Engine:
    return make_engine(os.environ["DATABASE_URL"])


@cache
def links() -> MailLinks:
    return MailLinks.of(signing_keys(load_settings()), load_settings().public_url)


@cache
def client() -> SendGridAPIClient:
    return SendGridAPIClient(os.environ["SENDGRID_API_KEY"], host=os.environ["SENDGRID_API_URL"])


@app.task
def plan(first: int, last: int) -> None:
    with engine().connect() as conn:
        due = conn.execute(_DUE, {"first": first, "last": last}).scalars().all()
    for subscriber_id in due:
        send_digest.delay(subscriber_id)


@app.task
def send_digest(subscriber_id: int) -> None:
    with engine().begin() as conn:
        person = conn.execute(_PERSON, {"id": subscriber_id}).one()
        mail = render(_content(conn, subscriber_id, person.locale), load_settings(), links().items.token)
        own, delivery_id = links().of_digest(person.public_id, datetime.now(UTC)), uuid4()
        html, words = (_with_links(part, own) for part in (mail.html, mail.text))
        message = Mail(_sender(), person.email, mail.subject, words, html)
        message.header = [
            Header(*pair)
            for pair in person_headers(str(delivery_id), own[UNSUBSCRIBE_TAG], "localhost").items()
        ]
        message.custom_arg = CustomArg(DELIVERY_ID_ARG, str(delivery_id))
        message.tracking_settings = TrackingSettings(
            ClickTracking(False, False), OpenTracking(False), SubscriptionTracking(False)
        )
        answer = client().send(message)
        conn.execute(_DONE, {"id": delivery_id, "subscriber_id": subscriber_id, "status": answer.status_code})


def _with_links(part: str, own: Mapping[str, str]) -> str:
    for tag, link in own.items():
        part = part.replace(tag, link)
    return part


def _sender() -> From:
    name, _, rest = load_settings().mail_from.partition(" <")
    return From(rest.rstrip(">"), name)


def _content(conn: Connection, subscriber_id: int, locale: str) -> EditionContent:
    return EditionContent(locale, False, _items(conn.execute(_EVENTS, {"id": subscriber_id})))


def _items(rows: Iterable[Any]) -> tuple[Item, ...]:
    items: dict[int, Item] = {}
    for row in rows:
        reason = Reason(row.target_kind, row.label, row.evidence, row.target_id)
        if known := items.get(row.id):
            items[row.id] = replace(known, reasons=(*known.reasons, reason))
            continue
        items[row.id] = Item(
            row.nct_id, row.kind, row.changes, row.study, None, (reason,), row.position, row.occurred_on
        )
    return tuple(items.values())
