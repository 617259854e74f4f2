"""What people decided for good also stands in the log: a database that is restored from a backup has forgotten who
stopped or was erased after it was made, and must not mail them.

They stand there by a hash of their opaque id, which leads to nobody but in a database that still has them.

Each word is written while the person is held, just before the commit: so the words of one person are in order, and none
is lost when the process dies at once. Where the commit then fails, the log says of somebody what they did ask for.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Literal
from uuid import UUID

import structlog

from notifier.errors import NotifierError

Ending = Literal["stopped", "erased"]

BY_MARK = "left(encode(sha256(uuid_send(public_id)), 'hex'), 32)"
"""SQL: what `mark` is of a subscriber."""

_EVENT = re.compile(r"\bperson_(stopped|erased|back)\b")
_PERSON = re.compile(r"\bperson\b\W{1,4}([0-9a-f]{32})\b")
_AT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*(Z|[+-]\d\d:\d\d)")
# What a terminal or a collector adds: Docker keeps each line as a string in JSON, with its quotes escaped.
_COLOUR = re.compile(r"(?:\x1b|\\+u001b|\\+x1b)\[[0-9;]*m")
_ESCAPED_SPACE = re.compile(r"\\+[nrt]")

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


@dataclass(frozen=True)
class LastWord:
    ending: Ending
    at: datetime


def endings(lines: Iterable[str]) -> dict[str, LastWord]:
    """{mark: their last word} from the lines of any number of logs, as text or as JSON, in any order; without those who
    are back. Raises NotifierError where a line tells of somebody and cannot be read: they would be mailed."""
    words, unread = list[tuple[datetime, str, str]](), 0
    for line in lines:
        plain = _ESCAPED_SPACE.sub(" ", _COLOUR.sub("", line)).replace("\\", "")
        event, person, at = _EVENT.search(plain), _PERSON.search(plain), _AT.search(plain)
        if event and person and at:
            words.append((datetime.fromisoformat(at[1] + at[2]), person[1], event[1]))
        elif event:
            unread += 1
    if unread:
        raise NotifierError(
            f"Log lines about people who stopped or were erased that cannot be read: {unread:,}.",
            "Give the log as it was written: one event a line, with its time and its person.",
        )
    last = {person: (at, word) for at, person, word in sorted(words, key=lambda word: word[0])}
    return {
        person: LastWord("erased" if word == "erased" else "stopped", at)
        for person, (at, word) in last.items()
        if word != "back"
    }
