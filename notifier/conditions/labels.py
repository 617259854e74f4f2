"""How a condition is written for people."""

import re

_SHOUTED = re.compile(r"[A-Z]{8,}")  # longer than any abbreviation
_SMALL = frozenset({"OF", "THE", "AND", "IN", "WITH", "OR", "FOR", "TO", "DUE", "BY"})


def natural_order(heading: str) -> str:
    """ "Pulmonary Disease, Chronic Obstructive" is read "Chronic Obstructive Pulmonary Disease".

    For headings only: in a registrant's words a comma may stand between two conditions.
    """
    parts = [part.strip() for part in heading.split(",")]
    if any(" and " in part for part in parts[1:]) and len(parts) > 2:  # a list, not an inversion
        return heading
    return " ".join(reversed(parts))


def calm(text: str) -> str:
    """A text in capitals in lower ones. Abbreviations are short, and stay."""
    return _quiet(text) if text.isupper() and _SHOUTED.search(text) else text


def readable(texts: list[str]) -> str:
    """The best of several ways to write the same: natural order, capitals as usual, no abbreviation after it."""
    return calm(texts[0]) if len(texts) == 1 else min(map(calm, texts), key=_awkwardness)


def _quiet(text: str) -> str:
    words = [
        word.lower() if word in _SMALL else word.title() if len(word) > 3 else word
        for word in text.split(" ")
    ]
    line = " ".join(words)
    return line[:1].upper() + line[1:]


def _awkwardness(text: str) -> tuple[int, int, int]:
    return (text.count(",") + text.count("(") + text.count("/"), int(text.islower()), len(text))
