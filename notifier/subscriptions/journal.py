"""What people decided for good also stands in the log, by their opaque id: a database that is restored from a backup
has forgotten who stopped or was erased after it was made, and must not mail them."""

import re
from collections.abc import Iterable
from typing import Literal
from uuid import UUID

import structlog

Ending = Literal["stopped", "erased"]

_EVENT = re.compile(r"\bperson_(stopped|erased|back)\b")
_PERSON = re.compile(r"\bperson\b\W{1,4}([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

log = structlog.get_logger()


def note_stopped(person: UUID) -> None:
    log.info("person_stopped", person=str(person))


def note_erased(person: UUID) -> None:
    log.info("person_erased", person=str(person))


def note_back(person: UUID) -> None:
    """They undid it, and are who they were. Who signs up anew is no such case: that consent is lost too."""
    log.info("person_back", person=str(person))


def endings(lines: Iterable[str]) -> dict[UUID, Ending]:
    """Each person's last word, from log lines in order, as text or as JSON; without those who are back."""
    last: dict[UUID, str] = {}
    for line in lines:
        plain = _COLOUR.sub("", line)
        event, person = _EVENT.search(plain), _PERSON.search(plain)
        if event and person:
            last[UUID(person[1])] = event[1]
    return {
        person: "erased" if word == "erased" else "stopped" for person, word in last.items() if word != "back"
    }
