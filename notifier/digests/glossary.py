"""Hard words that stand in a mail, explained in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from notifier.digests.vocabulary import WORDS
from notifier.languages.language import Language

MOST = 4
_ENTRIES = [(entry, re.compile(rf"\b(?:{entry['pattern']})\b")) for entry in WORDS["glossary"]]


@dataclass(frozen=True, slots=True)
class Explained:
    term: str
    means: str


def explain(texts: Iterable[str], language: Language) -> tuple[Explained, ...]:
    """The first few hard words of `texts`, in the order in which they come."""
    text = "\n".join(texts).lower()
    found = []
    for entry, pattern in _ENTRIES:
        if entry["stem"] in text and (match := pattern.search(text)):
            found.append((match.start(), entry))
    first = sorted(found, key=lambda place: place[0])[:MOST]
    return tuple(
        Explained(language.gettext(entry["term"]), language.gettext(entry["means"])) for _, entry in first
    )
