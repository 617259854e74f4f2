"""What reading yields: a raw record or a rejection, each with where it stood."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RawRecord:
    """Parsed JSON, not looked into yet. `line` is where it begins in `file`, from 1."""

    file: str
    line: int
    data: Any


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that did not go in, and why. `line` is 0 where the whole file is meant."""

    file: str
    line: int
    reason: str


class BadRecord(Exception):
    """A record that cannot be taken in; `reason` names the field and what it should be."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
