"""Lists compared item by item: what came, what went, what changed. Order means nothing."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.db.base import Json

MAX_TRIES = 10_000  # pairs within a group; where there are more, none of them is a likely one

Item = Any
Pair = tuple[Item, Item]


@dataclass
class ListDiff:
    """`changed` holds (old, new)."""

    added: list[Item] = field(default_factory=list)
    removed: list[Item] = field(default_factory=list)
    changed: list[Pair] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)

    def as_change(self, fact: str) -> Json:
        return {
            "field": fact,
            "before": self.removed + [old for old, _ in self.changed],
            "after": self.added + [new for _, new in self.changed],
            "added": self.added,
            "removed": self.removed,
            "changed": [{"before": old, "after": new} for old, new in self.changed],
        }


def pair_by_key(
    before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], Hashable]
) -> tuple[list[Pair], list[Item], list[Item]]:
    """Pairs of equal key, then what is left of each side. A key may occur more than once."""
    pairs: list[Pair] = []
    for olds, news in _grouped(before, after, key):
        pairs += zip(olds, news, strict=False)
    return pairs, *_left(before, after, pairs)


def pair_by_likeness(
    before: Sequence[Item],
    after: Sequence[Item],
    group: Callable[[Item], Hashable],
    likeness: Callable[[Item, Item], float],
    least: float,
) -> tuple[list[Pair], list[Item], list[Item]]:
    """The most alike first, among those of the same group. What is left of each side comes with them."""
    pairs: list[Pair] = []
    for olds, news in _grouped(before, after, group):
        if len(olds) * len(news) <= MAX_TRIES:
            pairs += _most_alike(olds, news, likeness, least)
    return pairs, *_left(before, after, pairs)


def _grouped(
    before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], Hashable]
) -> Iterable[tuple[list[Item], list[Item]]]:
    groups: dict[Hashable, tuple[list[Item], list[Item]]] = {}
    for side, items in enumerate((before, after)):
        for item in items:
            groups.setdefault(key(item), ([], []))[side].append(item)
    return groups.values()


def _most_alike(
    olds: list[Item], news: list[Item], likeness: Callable[[Item, Item], float], least: float
) -> Iterable[Pair]:
    tries = [
        (likeness(old, new), -row, -column) for row, old in enumerate(olds) for column, new in enumerate(news)
    ]
    rows, columns = set(range(len(olds))), set(range(len(news)))
    for score, row, column in sorted(tries, reverse=True):
        if score >= least and -row in rows and -column in columns:
            rows.remove(-row)
            columns.remove(-column)
            yield olds[-row], news[-column]


def _left(
    before: Sequence[Item], after: Sequence[Item], pairs: Sequence[Pair]
) -> tuple[list[Item], list[Item]]:
    """Items are told apart by place, not by content: two equal ones are two."""
    old, new = Counter(id(old) for old, _ in pairs), Counter(id(new) for _, new in pairs)
    return _without(before, old), _without(after, new)


def _without(items: Sequence[Item], used: Counter[int]) -> list[Item]:
    used = used.copy()
    left = []
    for item in items:
        if used[id(item)]:
            used[id(item)] -= 1
        else:
            left.append(item)
    return left
