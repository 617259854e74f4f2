"""One element of a webhook body, read with suspicion: any field may be missing, odd or doubled."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from notifier.delivery.providers import DELIVERY_ID_ARG
from notifier.links.keys import email_key

PLAIN_KINDS = frozenset(
    ("processed", "delivered", "deferred", "spamreport", "unsubscribe", "group_unsubscribe", "open", "click")
)
DROP_REASONS = {  # lower case; what SendGrid says it did not even try
    "unsubscribed address": "dropped_unsubscribed",
    "bounced address": "dropped_bounced",
    "spam reporting address": "dropped_complaint",
    "invalid": "dropped_invalid",
}
KINDS = sorted({*PLAIN_KINDS, *DROP_REASONS.values(), "bounce", "blocked", "dropped", "other"})
LONGEST_REASON = 60


class BadEvent(Exception):
    """This element is no event that we can use; the others of its body are not touched by it."""


@dataclass(frozen=True, slots=True)
class Feedback:
    event_id: str
    delivery_id: UUID | None
    email_key: bytes | None
    kind: str
    reason: str | None
    occurred_at: datetime


def read_event(element: Any, keys: list[str]) -> Feedback:
    """Raises BadEvent. Address, IP, browser and free text are dropped here; a keyed hash stays."""
    if not isinstance(element, dict) or not isinstance(element.get("event"), str):
        raise BadEvent
    occurred_at = _moment(element.get("timestamp"))
    return Feedback(
        event_id=_event_id(element),
        delivery_id=_delivery_id(element.get(DELIVERY_ID_ARG)),
        email_key=_email_key(element.get("email"), keys),
        kind=_kind(element),
        reason=_reason(element),
        occurred_at=occurred_at,
    )


def _moment(value: Any) -> datetime:
    """Unix seconds; some senders of samples write milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e14:
        raise BadEvent
    try:
        return datetime.fromtimestamp(value / 1000 if value > 1e11 else value, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadEvent from None


def _event_id(element: dict[str, Any]) -> str:
    given = element.get("sg_event_id")
    if isinstance(given, str) and 0 < len(given) <= 200 and given.isprintable():
        return given
    parts = [
        str(element.get(name)) for name in ("email", "event", "timestamp", "sg_message_id", DELIVERY_ID_ARG)
    ]
    return "hash:" + hashlib.sha256("\x1f".join(parts).encode("utf-8", "replace")).hexdigest()


def _delivery_id(value: Any) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _email_key(value: Any, keys: list[str]) -> bytes | None:
    return email_key(keys, value) if _is_address(value) else None


def _is_address(value: Any) -> bool:
    return isinstance(value, str) and "@" in value and len(value) <= 320 and value.isprintable()


def _kind(element: dict[str, Any]) -> str:
    """Ours: bounce (hard), blocked (soft), dropped_…, or the provider's own word; other for what is new to us."""
    event = element["event"].lower()
    if event == "bounce":
        return "bounce" if str(element.get("type", "bounce")).lower() == "bounce" else "blocked"
    if event == "dropped":
        reason = str(element.get("reason") or element.get("type") or "").lower()
        return DROP_REASONS.get(reason, "dropped")
    return event if event in PLAIN_KINDS else "other"


def _reason(element: dict[str, Any]) -> str | None:
    """Only words of the provider's own classes: what a foreign server wrote may hold the address."""
    value = element.get("bounce_classification")
    if isinstance(value, str) and value.isprintable() and "@" not in value:
        return value[:LONGEST_REASON]
    return None
