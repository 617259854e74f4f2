"""A digest in pieces: what many mails share is filled and inlined once, and kept.

A card stands in many editions, and what is around the cards is the same but for the names of studies and
conditions. Both can be inlined apart because each rule of our styles names one tag or one class: what is around a
piece cannot matter.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html import escape
from typing import Any

from markupsafe import Markup

from notifier.digests.cards import CardView
from notifier.digests.outline import Group
from notifier.digests.tags import TAG_PREFIX
from notifier.digests.view import DigestView

_PLACE = re.compile(rf"<!--(\d+)-->|{TAG_PREFIX}(\d+)\.")
"""Of HTML, and of a link: neither can be written by others, in whose text each `<` and each TAG_PREFIX is broken."""


def split(view: DigestView, inlined_card: Callable[[CardView], str]) -> tuple[DigestView, list[str]]:
    """The view with numbered places where cards and names stood, and the HTML for each place."""
    pieces: list[str] = []

    def place(html: str) -> Markup:
        pieces.append(html)
        return Markup(f"<!--{len(pieces) - 1}-->")  # noqa: S704

    def name(text: str) -> str:
        return place(_escaped(text)) if text else ""

    def link(url: str) -> str:
        pieces.append(url)
        return f"{TAG_PREFIX}{len(pieces) - 1}." if url else ""

    def cards(studies: tuple[CardView, ...]) -> tuple[Any, ...]:
        return tuple(place(inlined_card(study)) for study in studies)

    groups = tuple(
        Group(name(group.label), cards(group.cards), link(group.stop_url)) for group in view.outline.groups
    )
    frame = replace(
        view,
        outline=replace(view.outline, followed=cards(view.outline.followed), groups=groups),
        studies=tuple(map(name, view.studies)),
        conditions=tuple(map(name, view.conditions)),
    )
    return frame, pieces


@dataclass(frozen=True, slots=True)
class Frame:
    """What is around the pieces, cut at their places: `numbers` says which piece stands behind which part."""

    parts: tuple[str, ...]
    numbers: tuple[int, ...]


def cut(html: str) -> Frame:
    found = _PLACE.split(html)  # a part, then the two groups of a place, and so on
    return Frame(
        tuple(found[::3]),
        tuple(int(one or other) for one, other in zip(found[1::3], found[2::3], strict=True)),
    )


def join(frame: Frame, pieces: list[str]) -> str:
    """Nothing in a piece is taken for a place, as the frame was cut before."""
    html = [frame.parts[0]]
    for number, part in zip(frame.numbers, frame.parts[1:], strict=True):
        html += pieces[number], part
    return "".join(html)


def _escaped(text: str) -> str:
    """As the inliner writes text."""
    return escape(text, quote=False).replace("\u00a0", "&nbsp;")
