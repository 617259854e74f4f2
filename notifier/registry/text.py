"""Text of records: `tidy` for keeping, `loose` for comparing."""

import html
import re
import unicodedata

# Markdown escapes and entities come and go with the registry's export format; they say nothing.
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!<>~|&=\"'$^:;,/?@%])")
_ENTITY = re.compile(r"&(?:gt|lt|amp|quot|apos|nbsp|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});")
# Control characters (PostgreSQL refuses NUL), soft hyphens, zero-width and direction marks, surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_ENTITY_LAYERS = 3  # "&amp;gt;" is a ">" that was escaped twice

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | {"≥": ">=", "≤": "<=", "™": " ", "®": " "})
_MARKER = re.compile(r"^(?:(?:[*•◦▪·○●-]|\(?\d{1,2}[.)]|\(?[a-z][.)])\s+)+", re.MULTILINE)
_SEPARATOR = re.compile(r"(?:[^\w<>=+%±]|_)+")
_ACCENT = re.compile("[\u0300-\u036f]")


def tidy(text: str) -> str:
    """One line, NFC, without escapes, invisible characters or runs of white space."""
    # Nearly all text is so already, and to see that is ten times cheaper than to make it so.
    text = text.strip()
    if text.isprintable() and "  " not in text and "\\" not in text and "&" not in text:
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    return " ".join(_plain(" ".join(text.split())).split())


def tidy_lines(text: str) -> str:
    """The same for long text, whose lines (one criterion each) are kept and empty ones dropped."""
    return "\n".join(filter(None, map(tidy, text.splitlines())))


def loose(text: str) -> str:
    """A form that is equal where only case, white space, punctuation or list marks differ.

    What carries meaning stays: comparison signs, plus, percent, and what stands between two digits
    ("1.5" is not "15", nor "1-5").
    """
    text = text.translate(_DASHES).replace("+/-", "±")
    text = _MARKER.sub("", unicodedata.normalize("NFKC", text).casefold())
    return _SEPARATOR.sub(_between_digits, text)


def bare(text: str | None) -> str:
    """The loose form without accents, for names of places: "Montréal" and "Montreal" are one."""
    return _ACCENT.sub("", unicodedata.normalize("NFKD", loose(text or "")))


def _plain(text: str) -> str:
    if "\\" in text:
        text = _ESCAPE.sub(r"\1", text)
    for _ in range(_ENTITY_LAYERS):
        if "&" not in text:
            break
        text = _ENTITY.sub(lambda match: html.unescape(match.group()), text)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text))


def _between_digits(match: re.Match[str]) -> str:
    text, run = match.string, match.group()
    before = text[match.start() - 1] if match.start() else ""
    after = text[match.end()] if match.end() < len(text) else ""
    if not after.isdigit():
        return ""
    if before.isdigit():
        return (run.strip() or " ")[0]
    return "-" if run.endswith("-") and before in set("<>=") else ""
