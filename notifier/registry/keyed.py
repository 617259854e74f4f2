"""Lists compared item by item: what came, what went, what changed. Order means nothing."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from notifier.db.base import Json

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
    before: Sequence[Item], after: Sequence[Item], key: Callable[[Item], Any]
) -> tuple[list[Pair], list[Item], list[Item]]:
    """Pairs of equal key, then what is left of each side. A key may occur more than once."""
    waiting = defaultdict(list)
    for item in reversed(before):
        waiting[key(item)].append(item)
    pairs, new = [], []
    for item in after:
        same = waiting.get(key(item))
        if same:
            pairs.append((same.pop(), item))
        else:
            new.append(item)
    gone = {id(item) for items in waiting.values() for item in items}
    return pairs, [item for item in before if id(item) in gone], new


def pair_by_likeness(
    before: Sequence[Item], after: Sequence[Item], likeness: Callable[[Item, Item], float], least: float
) -> tuple[list[Pair], list[Item], list[Item]]:
    """The most alike first. Where the two sides are too long to try all pairs, none are made."""
    if len(before) * len(after) > MAX_TRIES:
        return [], list(before), list(after)
    scores = [
        (likeness(old, new), -row, -column)
        for row, old in enumerate(before)
        for column, new in enumerate(after)
    ]
    rows: dict[int, int] = {}
    for score, row, column in sorted(scores, reverse=True):
        if score >= least and -row not in rows and -column not in rows.values():
            rows[-row] = -column
    pairs = [(before[row], after[column]) for row, column in sorted(rows.items())]
    gone = [item for row, item in enumerate(before) if row not in rows]
    return pairs, gone, [item for column, item in enumerate(after) if column not in rows.values()]


MAX_TRIES = 10_000
