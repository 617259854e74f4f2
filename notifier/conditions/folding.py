"""Characters that mean the same become the same: case, width, accents, dashes, quotes, signs."""

import re
import unicodedata

_INVISIBLE = dict.fromkeys(
    [0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF]
)
_SAME = str.maketrans(dict.fromkeys("‐‑‒–—―−﹣－", "-") | dict.fromkeys("’‘ʼ`´＇", "'"))
# Accents, not the vowel signs that spell a word in Asian scripts.
_MARKS = re.compile("[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f]+")
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda"}
_LONE_GREEK = re.compile(r"(?<![^\W\d_])[αβγδεκλ](?![^\W\d_])")
_POSITIVE = re.compile(r"(?<=[^\W_])\s?\+(?=[\s,;/)\]]|$)")
# "HER2-" is the opposite of "HER2+", but the dash of "T- cell" or "drug- induced" means nothing.
_NEGATIVE = re.compile(r"\b([a-z]*\d[a-z0-9]*|[ehp]r|[pr]h)-(?=[\s,;/)\]]|$)")


def fold(text: str) -> str:
    """Accents go ("Ménière" is "Meniere"), as registrants leave them out more often than not."""
    if not text.isascii():
        text = unicodedata.normalize("NFKD", text.translate(_SAME).translate(_INVISIBLE)).translate(_SAME)
        text = unicodedata.normalize("NFKD", text.casefold())
        text = unicodedata.normalize("NFC", _MARKS.sub("", text))
        text = _LONE_GREEK.sub(lambda letter: _GREEK[letter[0]], text)
    text = text.casefold().replace("<=", "≤").replace(">=", "≥")
    if "+" in text:
        text = _POSITIVE.sub(" positive ", text)
    return _NEGATIVE.sub(r"\1 negative ", text) if "-" in text else text
