"""Hard words that stand in a mail, explained in it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

from notifier.digests.vocabulary import WORDS
from notifier.languages.language import Language

MOST = 4
_OPPOSITES = "".join(rf"(?<!\b{word})(?<!\b{word}\()" for word in ("non[- ]", "not ", "no ", "without "))
_OPPOSITES += r"(?<!\bneo[- )])(?<!\bneo\)[- ])"
"""Behind these a word means something else, and is explained on its own or not at all."""
_ENTRIES = [(entry, re.compile(rf"\b{_OPPOSITES}(?:{entry['pattern']})\b")) for entry in WORDS["glossary"]]
_HYPHENS = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013"), "-")


@dataclass(frozen=True, slots=True)
class Explained:
    term: str
    means: str


def explain(texts: Iterable[str], language: Language) -> tuple[Explained, ...]:
    """The first few hard words of `texts`, in the order in which they come."""
    found: dict[int, None] = {}
    for text in texts:
        found |= _hard_words(text)
        if len(found) >= MOST:
            break
    entries = [_ENTRIES[number][0] for number in islice(found, MOST)]
    return tuple(
        Explained(language.gettext(entry["term"]), language.gettext(entry["means"])) for entry in entries
    )


@lru_cache(maxsize=4096)  # one study stands in many editions, and its text with it
def _hard_words(text: str) -> dict[int, None]:
    """Their numbers in the glossary, in the order in which they come."""
    lower = text.lower().translate(_HYPHENS)
    places = (
        (match.start(), number)
        for number, (entry, pattern) in enumerate(_ENTRIES)
        if entry["stem"] in lower and (match := pattern.search(lower))
    )
    return dict.fromkeys(number for _, number in sorted(places))
