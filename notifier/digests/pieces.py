"""A digest in pieces: what many mails share is filled and inlined once, and kept.

A card stands in many editions, and what is around the cards is the same but for the names of studies and
conditions. Both can be inlined apart because each rule of our styles names one tag or one class: what is around a
piece cannot matter.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from html import escape
from typing import Any, NamedTuple

from markupsafe import Markup

from notifier.digests.cards import CardView
from notifier.digests.outline import Group
from notifier.digests.tags import TAG_PREFIX
from notifier.digests.text import underline, wrap
from notifier.digests.view import DigestView

_MARK, _LINES, _END = "\x01", "\x02", "\x03"
"""None of them can be written by others, from whose text all control characters are taken."""
_PLACE = re.compile(
    rf"<!--{_MARK}(?P<piece>\d+)-->|{TAG_PREFIX}(?P<link>\d+)\.|{_LINES}(?P<line>.?){_LINES}(?P<lines>[^{_END}]*){_END}"
)


class Piece(NamedTuple):
    html: str
    text: str


def split(view: DigestView, card_piece: Callable[[CardView], Piece]) -> tuple[DigestView, list[Piece]]:
    """The view with numbered places where cards, names and the links to stop one thing stood, and their pieces."""
    pieces: list[Piece] = []

    def place(piece: Piece) -> Markup:
        pieces.append(piece)
        return _place(len(pieces) - 1)

    def name(text: str) -> str:
        return place(Piece(_escaped(text), text)) if text else ""

    def link(url: str) -> str:
        pieces.append(Piece(url, url))
        return f"{TAG_PREFIX}{len(pieces) - 1}." if url else ""

    def cards(studies: tuple[CardView, ...]) -> tuple[Any, ...]:
        return tuple([place(card_piece(study)) for study in studies])

    groups = tuple(
        [Group(name(group.label), cards(group.cards), link(group.stop_url)) for group in view.outline.groups]
    )
    frame = view._replace(
        outline=view.outline._replace(followed=cards(view.outline.followed), groups=groups),
        studies=tuple(map(name, view.studies)),
        conditions=tuple(map(name, view.conditions)),
    )
    return frame, pieces


@dataclass(frozen=True, slots=True)
class Lines:
    """Text that can be broken into lines only with its pieces in it."""

    broken: Callable[[str], str]
    around: "Frame"


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the pieces, cut at their places. Behind `start`, in turn: which piece, and what follows it."""

    start: str
    rest: tuple[tuple[int | Lines, str], ...]


def cut(whole: str) -> Frame:
    places = list(_PLACE.finditer(whole))
    ends = [*(place.start() for place in places), len(whole)]
    following = [whole[place.end() : end] for place, end in zip(places, ends[1:], strict=True)]
    return Frame(whole[: ends[0]], tuple(zip(map(_fill, places), following, strict=True)))


def _fill(place: re.Match[str]) -> int | Lines:
    if place["lines"] is None:
        return int(place["piece"] or place["link"])
    return Lines(partial(underline, line=place["line"]) if place["line"] else wrap, cut(place["lines"]))


def join_html(frame: Frame, pieces: list[Piece]) -> str:
    return _join(frame, [piece.html for piece in pieces])


def join_text(frame: Frame, pieces: list[Piece]) -> str:
    return _join(frame, [piece.text for piece in pieces])


def _join(frame: Frame, pieces: list[str]) -> str:
    """Nothing in a piece is taken for a place, as the frame was cut before."""
    joined = [frame.start]
    for fill, part in frame.rest:
        joined.append(pieces[fill] if isinstance(fill, int) else fill.broken(_join(fill.around, pieces)))
        joined.append(part)
    return "".join(joined)


def wrapped(text: str, width: int = 72, indent: str = "") -> str:
    """The filter `wrap`. In a frame, text with a place in it has to wait for its piece."""
    if _MARK not in text:
        return wrap(text, width, indent)
    if (width, indent) != (72, ""):
        raise ValueError("text with a place in it can only be wrapped plainly")
    return f"{_LINES}{_LINES}{text}{_END}"


def underlined(heading: str, line: str) -> str:
    """The filter `underline`."""
    return f"{_LINES}{line}{_LINES}{heading}{_END}" if _MARK in heading else underline(heading, line)


@cache
def _place(number: int) -> Markup:
    return Markup(f"<!--{_MARK}{number}-->")  # noqa: S704


def _escaped(text: str) -> str:
    """As the inliner writes text."""
    return escape(text, quote=False).replace("\u00a0", "&nbsp;")
