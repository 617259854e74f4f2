"""What SendGrid's answer means for the batch."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from notifier.delivery.providers.scrub import scrub
from notifier.delivery.providers.types import Outcome, OutcomeKind, Recipient

SHORTEST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)

ABOUT_THE_MAIL = (400, 413, 415, 422)
NOT_TAKEN = (408, 503)  # the request did not arrive whole; the service took nothing
_ADDRESS_OF = re.compile(r"\bpersonalizations[.\[](\d+)\]?\.to\b")
_SOMEBODY = re.compile(r"personalizations([.\[]\d+\]?(\.to\b.*)?)?")


def read_answer(
    status: int, headers: Mapping[str, str], body: bytes, people: list[Recipient], now: datetime
) -> Outcome:
    """Any answer at all becomes an Outcome; the body may be HTML, empty or broken. Header names in lower case."""
    if status == 202:
        return Outcome("accepted", message_id=headers.get("x-message-id"))
    errors = _errors(body)
    if status in ABOUT_THE_MAIL:
        return _refusal(status, errors, people)
    return Outcome(
        _kind(status),
        reason=_reason(status, errors, people),
        retry_at=_retry_at(headers, now) if status in (429, 503) else None,
    )


def _kind(status: int) -> OutcomeKind:
    """The rest of 4xx, and redirects, speak of the key, the account or the address of the API.

    500, 502 and 504 come when the mail may already lie in SendGrid's queue, and so does a 2xx that SendGrid
    does not document: none of them proves that nothing was sent.
    """
    if status == 429:
        return "throttled"
    if status in NOT_TAKEN:
        return "fault"
    return "account" if 300 <= status < 500 else "unknown"


def _refusal(status: int, errors: list[dict[str, Any]], people: list[Recipient]) -> Outcome:
    named = _named(status, errors, people)
    if named:
        return Outcome("refused_named", reason=_reason(status, errors, people), refused=named)
    ours = [error for error in errors if _is_ours(error)]
    if ours or status == 415:
        return Outcome(
            "our_fault", reason=f"the mail itself is refused: {_reason(status, ours or errors, people)}"
        )
    return Outcome("refused_unnamed", reason=_reason(status, errors, people))


def _named(status: int, errors: list[dict[str, Any]], people: list[Recipient]) -> dict[UUID, str]:
    """Those whose address an error points at, in its field or in its words."""
    named: dict[UUID, str] = {}
    for error in errors:
        if _is_ours(error):
            continue
        where = f"{error.get('field')} {error.get('message')}"
        for index in map(int, _ADDRESS_OF.findall(where)):
            if index < len(people):
                named[people[index].delivery_id] = _reason(status, [error], people)
    return named


def _is_ours(error: dict[str, Any]) -> bool:
    """All but the address is of our making, also where it stands with a person: headers, links, ids."""
    field = error.get("field")
    return isinstance(field, str) and field != "" and not _SOMEBODY.fullmatch(field)


def _errors(body: bytes) -> list[dict[str, Any]]:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return [error for error in errors if isinstance(error, dict)] if isinstance(errors, list) else []


def _reason(status: int, errors: list[dict[str, Any]], people: list[Recipient]) -> str:
    if not errors:
        return f"HTTP {status}"
    first = errors[0]
    field = f" {first['field']}" if isinstance(first.get("field"), str) else ""
    return scrub(f"HTTP {status}{field}: {first.get('message')}", people)


def _retry_at(headers: Mapping[str, str], now: datetime) -> datetime | None:
    """`X-RateLimit-Reset` is in Unix seconds, and often missing. A strange one must not stop us for a day."""
    reset = headers.get("x-ratelimit-reset", "")
    if not re.fullmatch(r"\d{1,12}", reset):
        return None
    wait = timedelta(seconds=int(reset) - now.timestamp())
    return now + min(max(wait, SHORTEST_WAIT), LONGEST_WAIT)
