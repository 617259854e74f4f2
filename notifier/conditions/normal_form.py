"""The normal form of a condition: two texts that say the same in other letters or order have the same one.

It is made for precision: it knows no synonyms, and what it cannot tell apart from a difference stays
different. The words are sorted, so that word order and the inversion of MeSH headings ("Carcinoma,
Squamous Cell") do not count; numbers, numerals and single letters stay with the word they belong to,
so that "Type 2, Stage 1" is not "Type 1, Stage 2".
"""

import re
from functools import lru_cache
from itertools import pairwise

from notifier.conditions.folding import fold
from notifier.conditions.words import PREFIXES, SIGNS, SMALL, VERSUS, join, leans_back, singular
from notifier.errors import NotifierError

MAX_CHARS = 400  # the longest condition seen in the registry has 160

_LETTER = r"[^\W_]|[\u0900-\u109f]"  # the vowel signs of Asian scripts are no "word characters" in Python
_WORD = re.compile(rf"(?:{_LETTER})+|[<>≤≥]")
_BREAK = re.compile(r"[^\w\s'.<>≤≥\u0900-\u109f-]+|\s-+(?=\s)|--+")
_ABBREVIATION = re.compile(r"\(\s*([^\W\d_]{2,12})\s*\)")
_POSSESSIVE = re.compile(r"(?<=[^\W_])'s?(?!\w)|'")


class BadCondition(NotifierError):
    """A text that cannot be a condition. The message never repeats the text."""


def clean_condition(text: str) -> str:
    """Return `text` on one line, without control characters. Raises BadCondition with the reason."""
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    line = " ".join(text.split())
    if len(line) > MAX_CHARS:
        raise BadCondition(f"The condition has {len(line)} characters.", f"Use {MAX_CHARS} or fewer.")
    if not normal_form(line):
        raise BadCondition("The condition is empty or has no letter.", "Write its name, such as Asthma.")
    return line


@lru_cache(maxsize=65536)
def normal_form(text: str) -> str:
    """Return "" for a text without a letter or number, and for one too long to be a condition."""
    if len(text) > MAX_CHARS:
        return ""
    folded = fold(text)
    if "(" in folded:
        folded = _ABBREVIATION.sub(_spelled_out, folded)
    if "'" in folded:
        folded = _POSSESSIVE.sub("", folded)
    parts = [_whole_words(_WORD.findall(part)) for part in _BREAK.split(folded)]
    terms = {term for part in parts for term in _bind(part)}
    if terms <= SIGNS:
        terms = {word for part in parts for word in part}  # nothing but small words
    return "" if terms <= SIGNS else ",".join(sorted(terms))


def _spelled_out(match: re.Match[str]) -> str:
    """Drop an abbreviation in parentheses that only repeats the initials of the words before it."""
    words = [word for word in _WORD.findall(match.string[: match.start()]) if word not in SMALL]
    initials = "".join(word[0] for word in words[-len(match[1]) :])
    return " " if initials == match[1] else match[0]


def _whole_words(words: list[str]) -> list[str]:
    """Singular, with the prefixes that stand alone put back, and who is against whom as one word."""
    whole: list[str] = []
    head = ""
    for word in map(singular, words):
        if word in PREFIXES:
            head += word
        elif word in VERSUS and whole and whole[-1] not in SIGNS and not head:
            head = whole.pop() + "versus"
        else:
            if head and (word in SMALL or word in SIGNS):  # "pre- and postoperative"
                whole.append(head)
                head = ""
            whole.append(singular(head + word))
            head = ""
    return [*whole, head] if head else whole


def _bind(words: list[str]) -> list[str]:
    """Tie small marks to the word they belong to; leave out small words."""
    terms: list[str] = []
    forward = ""
    tied = False  # whether the last term may take what follows
    for word, following in pairwise([*words, ""]):
        if word in SMALL:
            tied = False
        elif word in SIGNS:
            forward += word
        elif forward:
            terms.append(forward + word)
            forward, tied = "", True
        elif tied and leans_back(word) and following != "cell":
            terms[-1] = join(terms[-1], word)
        elif len(word) == 1 and not word.isdigit():
            forward = f"{word}-"  # "B-Cell", "E. coli", "X-linked"
        else:
            terms.append(word)
            tied = True
    return [*terms, forward.rstrip("-")] if forward else terms
