"""Hard words that stand in a mail, explained in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.digests.vocabulary import WORDS

MOST = 4
_ENTRIES = WORDS["glossary"]
_ANY = re.compile("|".join(rf"\b({entry['pattern']})\b" for entry in _ENTRIES), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Explained:
    term: str
    means: str


def explain(texts: Iterable[str]) -> tuple[Explained, ...]:
    """The first few hard words of `texts`, in the order in which they come."""
    found: dict[int, None] = {}
    for match in _ANY.finditer("\n".join(texts)):
        found.setdefault((match.lastindex or 1) - 1)
    entries = [_ENTRIES[number] for number in found][:MOST]
    return tuple(Explained(entry["term"], entry["means"]) for entry in entries)
