"""Make text that others wrote safe to stand in a mail, and cut it where a reader would."""

import html
import re
from functools import lru_cache

from notifier.digests.tags import TAG_PREFIX

_PLAIN = re.compile(r"[ !\"#$%'()*+,\-./0-9:;=?@A-Z_a-z]*")
_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Invisible: they reorder or hide text, or cannot be encoded. The joiners U+200C and U+200D spell words.
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\ufff0-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
_HTML = re.compile(
    r"</?(?:(?P<inside>[abiu]|em|strong|span|su[bp])|p|br|div|[uo]l|li|h[1-6])(?:\s+[\w-]+\s*=[^<>]*)?\s*/?>",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"\\([\\`*_{}\[\]()#+.!<>|~^-])")
_TEMPLATE = re.compile(r"([{}<%])(?=[{}%])")
_TAG_STEM = TAG_PREFIX.partition("-")[0]
_TAG = re.compile(re.escape(TAG_PREFIX), re.IGNORECASE)
_remembered = lru_cache(maxsize=4096)  # one study stands in many editions, and its text with it
_SHORT = "vs e.g i.e al cf ca approx resp incl Dr Prof Mr Mrs Ms St Fig No spp sp"
_NO_END = "".join(
    rf"(?<!\b{re.escape(form)})" for word in _SHORT.split() for form in (word, word.capitalize())
)
_SENTENCE_END = re.compile(rf"(?:(?<!\b[A-Z]){_NO_END}\.|[!?。])['\")\]’”]*(?=\s+[^\sa-z]|\s*$)")
"""None behind what is written short (`vs.`, `U.S.`), nor where the next word begins small."""


def clean(text: object, limit: int = 1000) -> str:
    """One line of harmless text. Markup is left to autoescaping; runs that look like our tags are broken."""
    return "" if text is None else _clean(str(text), limit)


@_remembered
def _clean(text: str, limit: int) -> str:
    line = text[: 4 * limit]
    if "  " in line or not _PLAIN.fullmatch(line):
        line = _HTML.sub(_without, _INVISIBLE.sub("", html.unescape(line)))
        line = _MARKUP.sub(r"\1", line)
        line = _TEMPLATE.sub(r"\1 ", _BREAKS.sub(" ", line))
    if _TAG_STEM in line.upper():
        line = _TAG.sub("NOTIFIER LINK ", line)
    return shorten(line.strip(), limit)


def _without(tag: re.Match[str]) -> str:
    return "" if tag["inside"] else " "


def one_line(text: str) -> str:
    """For a header of a mail, which a line break would end."""
    return _BREAKS.sub(" ", text).strip()


def shorten(text: str, limit: int) -> str:
    """Cut at a word, with an ellipsis, to at most `limit` characters."""
    if len(text) <= limit:
        return text
    cut = text.rfind(" ", limit // 2, limit)
    return text[: cut if cut > 0 else limit - 1].rstrip(" ,;:(-") + "…"


@_remembered
def first_sentences(text: str, limit: int) -> str:
    """As many whole sentences as fit; when not even one does, cut at a word."""
    if len(text) <= limit:
        return text
    found = _SENTENCE_END.finditer(text, 0, limit + 2)  # it looks at what comes behind an end
    ends = [match.end() for match in found if match.end() <= limit]
    return text[: ends[-1]] if ends and ends[-1] > limit // 4 else shorten(text, limit)


@_remembered
def wrap(text: str, width: int = 72, indent: str = "") -> str:
    """Lines of at most `width` columns. The standard library's textwrap is thirty times slower."""
    room, text = width - len(indent), text.strip()
    if len(text) <= room:
        return indent + text if text else ""
    lines = []
    while len(text) > room:
        cut = text.rfind(" ", 1, room + 1)
        end = cut if cut > 0 else room
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return indent + f"\n{indent}".join([*lines, text] if text else lines)


def underline(heading: str, line: str) -> str:
    """A heading of a text part, with a line under it."""
    lines = wrap(heading)
    return f"{lines}\n{line * max(map(len, lines.splitlines()))}"
