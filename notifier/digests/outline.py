"""What stands where in a digest: full cards, then titles, then the rest by number."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from notifier.digests.cards import (
    CardLinks,
    CardView,
    card_view,
    choice,
    is_followed,
    state,
    study_url,
    title,
)
from notifier.digests.content import Item
from notifier.digests.words import weight
from notifier.languages.language import Language

CARDS = 10
TITLES = 10
NUMBERS = 30  # of the rest; a mail that lists more helps nobody


class Group(NamedTuple):
    """New studies for one condition that the person chose; `label` and `stop_url` are empty where none is known."""

    label: str
    cards: tuple[CardView, ...]
    stop_url: str


class Line(NamedTuple):
    """A study told by its title, or by its number alone."""

    nct_id: str
    url: str
    title: str
    state: str


class Outline(NamedTuple):
    followed: tuple[CardView, ...]
    groups: tuple[Group, ...]
    titles: tuple[Line, ...]
    numbers: tuple[Line, ...]
    more: str  # how many stand neither as a card nor as a title; empty where none is left

    @property
    def cards(self) -> tuple[CardView, ...]:
        return (*self.followed, *(card for group in self.groups for card in group.cards))


def in_order(items: Sequence[Item]) -> list[Item]:
    """Followed studies by the weight of their change, then new ones: open first, then the newest.

    New studies take turns by condition, so that a rare condition is not pushed out by a common one.
    """
    followed = sorted(filter(is_followed, items), key=_weightiest)
    new = sorted((item for item in items if not is_followed(item)), key=_newest)
    turns: dict[Chosen, int] = defaultdict(int)
    ranked = []
    for place, item in enumerate(new):
        condition = chosen(item)
        ranked.append((turns[condition], place, item))
        turns[condition] += 1
    return [*followed, *(item for _, _, item in sorted(ranked, key=lambda entry: entry[:2]))]


def _weightiest(item: Item) -> tuple[int, int]:
    return min(map(weight, item.changes)), -item.position


def _newest(item: Item) -> tuple[bool, int]:
    return item.study.get("overallStatus") != "RECRUITING", -item.position


class Chosen(NamedTuple):
    label: str
    target_id: int


def chosen(item: Item) -> Chosen:
    """The condition under which a new study stands: the one it is most plainly about."""
    conditions = [reason for reason in item.reasons if reason.kind == "condition"]
    if not conditions:
        return Chosen("", 0)
    best = min(conditions, key=lambda reason: (reason.evidence, reason.label, reason.target_id))
    return Chosen(best.label, best.target_id)


def outline(items: Sequence[Item], links: CardLinks, language: Language, most: int = CARDS) -> Outline:
    """`items` are in order, as `in_order` gives them. `most`: how many of them get a card."""
    full, rest = items[:most], items[most:]
    groups: dict[Chosen, list[CardView]] = {}
    for item in full:
        if not is_followed(item):
            groups.setdefault(chosen(item), []).append(card_view(item, links, language))
    lines = [_line(item, links.study, language) for item in rest[: TITLES + NUMBERS]]
    return Outline(
        followed=tuple(card_view(item, links, language) for item in full if is_followed(item)),
        groups=tuple(_group(condition, cards, links, language) for condition, cards in groups.items()),
        titles=tuple(lines[:TITLES]),
        numbers=tuple(lines[TITLES:]),
        more=_more(len(rest) - TITLES, language),
    )


def _more(count: int, language: Language) -> str:
    if count <= 0:
        return ""
    if count > NUMBERS:
        return language.ngettext(
            "And %(num)s more. The first of them are:", "And %(num)s more. The first of them are:", count
        )
    return language.ngettext("And %(num)s more. Look for:", "And %(num)s more. Look for:", count)


def _group(condition: Chosen, cards: Sequence[CardView], links: CardLinks, language: Language) -> Group:
    if not condition.target_id:
        return Group("", tuple(cards), "")
    return Group(choice(condition.label, language), tuple(cards), links.stop(condition.target_id))


def _line(item: Item, url_pattern: str, language: Language) -> Line:
    return Line(item.nct_id, study_url(url_pattern, item.nct_id), title(item), state(item, language))
