"""A study's status before and after what an event tells of it."""

from collections.abc import Sequence
from typing import NamedTuple

from notifier.digests.content import Change, Snapshot
from notifier.digests.vocabulary import WORDS

STOPPED = frozenset(code for code, words in WORDS["statuses"].items() if words.get("topic") == "stopped")
"""Those that a reason for stopping goes with."""
TAKING_PEOPLE = frozenset({"RECRUITING", "AVAILABLE"})


class Statuses(NamedTuple):
    before: str | None
    after: str | None


def statuses(changes: Sequence[Change], study: Snapshot) -> Statuses:
    for change in changes:
        if change["field"] == "overallStatus":
            return Statuses(change["before"], change["after"])
    return Statuses(study.get("overallStatus"), study.get("overallStatus"))
