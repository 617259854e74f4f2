"""Single words of a condition: plurals, and the marks that belong to their neighbour."""

import re

SMALL = frozenset({"of", "the", "and", "in"})  # not "a" (Hepatitis A), not "or", "with", "without"
PREFIXES = frozenset(
    {"non", "pre", "post", "anti", "co"}
)  # no words by themselves: "Non-Hodgkin", "Nonsmall"
VERSUS = frozenset({"vs", "versus"})
SIGNS = frozenset("<>≤≥")
_TAILS = frozenset({"positive", "negative"})
_ROMAN = re.compile(r"x{0,2}(ix|iv|v?i{0,3})$")
_NUMERAL = re.compile(r"\d+[a-z]?$")
_SHORT_PLURALS = frozenset({"eyes", "ears", "legs", "arms", "hips", "gums", "cows"})
_PLURALS = (
    ("iruses", "irus"),
    ("tches", "tch"),
    ("shes", "sh"),
    ("sses", "ss"),
    ("xes", "x"),
    ("stases", "stasis"),
)


def singular(word: str) -> str:
    """Only what is safe without a dictionary. Short words stay: "AIDS" and "SARS" are no plurals."""
    if not word.endswith("s") or not word.isalpha():
        return word
    if len(word) < 5:
        return word[:-1] if word in _SHORT_PLURALS else word
    if word.endswith(("ss", "us", "is")) or word == "posts" or (len(word) == 5 and word.endswith("as")):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith("oses") and len(word) >= 8:
        return word[:-2] + "is"
    return next((word[: -len(many)] + one for many, one in _PLURALS if word.endswith(many)), word[:-1])


def leans_back(word: str) -> bool:
    """True for what says little without the word before it: the 2 of "Type 2", the A of "Hepatitis A"."""
    return len(word) == 1 or word in _TAILS or bool(_NUMERAL.match(word) or _ROMAN.match(word))


def join(before: str, word: str) -> str:
    """ "COVID-19" and "COVID19" are one, and so are "2A" and "2 A"; "1 3" is not 13."""
    numeral_after_word = word[0].isdigit() and not before[-1].isdigit()
    letter_after_numeral = before[-1].isdigit() and len(word) == 1 and word.isalpha()
    close = "-" not in before and (numeral_after_word or letter_after_numeral)
    return f"{before}{word}" if close else f"{before}-{word}"
