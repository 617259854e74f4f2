"""Take a verified webhook body in: one statement for all of it, each event once."""

import json
from dataclasses import dataclass
from datetime import datetime

import orjson
import structlog
from sqlalchemy import Connection, text

from notifier.delivery.feedback.events import BadEvent, Feedback, read_event

log = structlog.get_logger()


@dataclass(frozen=True)
class Taken:
    """How many elements a body had, how many were new, and how many could not be used."""

    events: int
    new: int
    bad: int


class BadBody(Exception):
    """The body is no JSON array."""


def take_feedback(conn: Connection, body: bytes, *, keys: list[str], now: datetime) -> Taken:
    """Store the events of one signed body. Bad elements are counted and left out: an error would have the
    whole body sent again for a day. Raises BadBody."""
    elements = _elements(body)
    events, bad = _read(elements, keys)
    new = _insert(conn, events, now) if events else 0
    if bad:
        log.warning("feedback_elements_unusable", count=bad)
    if tracked := sum(event.kind in ("open", "click") for event in events):
        log.error("tracking_is_on_at_the_provider", count=tracked)
    return Taken(len(elements), new, bad)


def _elements(body: bytes) -> list[object]:
    try:
        elements = orjson.loads(body)
    except orjson.JSONDecodeError:
        elements = _leniently(body)
    if not isinstance(elements, list):
        raise BadBody
    return elements


def _leniently(body: bytes) -> object:
    """A lone surrogate or a number out of bounds in one element must not cost the others."""
    try:
        return json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise BadBody from None


def _read(elements: list[object], keys: list[str]) -> tuple[list[Feedback], int]:
    events, bad = [], 0
    for element in elements:
        try:
            events.append(read_event(element, keys))
        except BadEvent:
            bad += 1
    return events, bad


def _insert(conn: Connection, events: list[Feedback], now: datetime) -> int:
    """In the order of their ids, so that two bodies that hold the same events never wait in a circle."""
    return conn.execute(
        text(
            """INSERT INTO feedback_events (event_id, delivery_id, email_key, kind, reason, occurred_at, received_at)
               SELECT DISTINCT ON (event_id) event_id, delivery_id, email_key, kind, reason, occurred_at, :now
               FROM unnest(CAST(:event_ids AS text[]), CAST(:delivery_ids AS uuid[]), CAST(:email_keys AS bytea[]),
                           CAST(:kinds AS text[]), CAST(:reasons AS text[]), CAST(:moments AS timestamptz[]))
                    AS v (event_id, delivery_id, email_key, kind, reason, occurred_at)
               ORDER BY event_id ON CONFLICT (event_id) DO NOTHING"""
        ),
        {
            "event_ids": [event.event_id for event in events],
            "delivery_ids": [event.delivery_id for event in events],
            "email_keys": [event.email_key for event in events],
            "kinds": [event.kind for event in events],
            "reasons": [event.reason for event in events],
            "moments": [event.occurred_at for event in events],
            "now": now,
        },
    ).rowcount
