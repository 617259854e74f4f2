"""What people decided for good also stands in the log: a database that is restored from a backup has forgotten who
stopped or was erased after it was made, and must not mail them.

They stand there by a hash of their opaque id, which leads to nobody but in a database that still has them.
"""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Literal
from uuid import UUID

import structlog

Ending = Literal["stopped", "erased"]

BY_MARK = "left(encode(sha256(uuid_send(public_id)), 'hex'), 32)"
"""SQL: what `mark` is of a subscriber."""

_EVENT = re.compile(r"\bperson_(stopped|erased|back)\b")
_PERSON = re.compile(r"\bperson\b\W{1,4}([0-9a-f]{32})\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

log = structlog.get_logger()


def mark(person: UUID) -> str:
    return sha256(person.bytes).hexdigest()[:32]


def note_stopped(person: UUID) -> None:
    log.info("person_stopped", person=mark(person))


def note_erased(person: UUID) -> None:
    log.info("person_erased", person=mark(person))


def note_back(person: UUID) -> None:
    """They undid it, and are who they were. Who signs up anew is no such case: that consent is lost too."""
    log.info("person_back", person=mark(person))


def endings(lines: Iterable[str]) -> dict[str, Ending]:
    """{mark: their last word}, from log lines in order, as text or as JSON; without those who are back."""
    last: dict[str, str] = {}
    for line in lines:
        plain = _COLOUR.sub("", line)
        event, person = _EVENT.search(plain), _PERSON.search(plain)
        if event and person:
            last[person[1]] = event[1]
    return {
        person: "erased" if word == "erased" else "stopped" for person, word in last.items() if word != "back"
    }
