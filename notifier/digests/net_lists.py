"""The net of several differences of one list: added then removed is nothing, changed twice is first and last."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.conditions.normal_form import normal_form
from notifier.digests.content import Change

_ABSENT: Any = object()

# What makes an item the same item in another version; for a list that is not here, all of it.
_KEYS: dict[str, tuple[str, ...]] = {
    "locations": ("facility", "city", "country"),
    "armGroups": ("label",),
    "interventions": ("type", "name"),
    "primaryOutcomes": ("measure",),
    "secondaryOutcomes": ("measure",),
    "references": ("pmid", "citation"),
    "largeDocuments": ("type", "label"),
}


@dataclass(slots=True)
class _Fate:
    """One item: as it was before the first difference, and after the last. _ABSENT: not in the list."""

    before: Any
    after: Any


class _Fates:
    """Items by key. A key may stand for several items: many places are called `Research Site`."""

    def __init__(self, key: Callable[[Any], object]) -> None:
        self._key = key
        self._by_key: dict[object, list[_Fate]] = {}
        self.all: list[_Fate] = []

    def add(self, item: Any) -> None:
        gone = [fate for fate in self._known(item) if fate.after is _ABSENT]
        if gone:
            _best(gone, item, "before").after = item
        else:
            self._start(_ABSENT, item)

    def remove(self, item: Any) -> None:
        self.change(item, _ABSENT)

    def change(self, before: Any, after: Any) -> None:
        present = [fate for fate in self._known(before) if fate.after is not _ABSENT]
        if not present:
            self._start(before, after)
            return
        fate = _best(present, before, "after")
        fate.after = after
        if after is not _ABSENT and self._key(after) != self._key(before):
            self._known(before).remove(fate)
            self._by_key.setdefault(self._key(after), []).append(fate)

    def _known(self, item: Any) -> list[_Fate]:
        return self._by_key.setdefault(self._key(item), [])

    def _start(self, before: Any, after: Any) -> None:
        fate = _Fate(before, after)
        self.all.append(fate)
        self._known(before if after is _ABSENT else after).append(fate)


def _best(fates: Sequence[_Fate], item: Any, side: str) -> _Fate:
    return next((fate for fate in fates if getattr(fate, side) == item), fates[0])


def net_list(field: str, steps: Sequence[Change]) -> Change | None:
    """One difference for all of `steps`, oldest first; None when nothing is left of them."""
    fates = _Fates(lambda item: _key(field, item))
    for step in steps:
        for pair in step["changed"]:
            fates.change(pair["before"], pair["after"])
        for item in step["removed"]:
            fates.remove(item)
        for item in step["added"]:
            fates.add(item)
    return _difference(field, _paired(field, _moved(field, fates.all)))


def _key(field: str, item: Any) -> object:
    names = _KEYS.get(field)
    if names and isinstance(item, Mapping):
        return tuple(str(item.get(name)) for name in names)
    return normal_form(item) if field == "conditions" else repr(item)


def _moved(field: str, fates: Sequence[_Fate]) -> list[_Fate]:
    """Without what is there before and after, whichever item took whose place."""
    before = Counter(_identity(field, fate.before) for fate in fates if fate.before is not _ABSENT)
    after = Counter(_identity(field, fate.after) for fate in fates if fate.after is not _ABSENT)
    stayed = before & after
    gone, came = stayed.copy(), stayed.copy()
    return [_Fate(_unless(gone, field, fate.before), _unless(came, field, fate.after)) for fate in fates]


def _unless(stayed: Counter[object], field: str, item: Any) -> Any:
    if item is _ABSENT or not stayed[_identity(field, item)]:
        return item
    stayed[_identity(field, item)] -= 1
    return _ABSENT


def _identity(field: str, item: Any) -> object:
    """Spelled in another way, a condition is the same."""
    return _key(field, item) if field == "conditions" else repr(item)


def _paired(field: str, fates: Sequence[_Fate]) -> list[_Fate]:
    """What went and what came with the same key is one item, changed."""
    came: dict[object, list[_Fate]] = defaultdict(list)
    for fate in fates:
        if fate.before is _ABSENT and fate.after is not _ABSENT:
            came[_key(field, fate.after)].append(fate)
    for fate in fates:
        if fate.after is _ABSENT and fate.before is not _ABSENT and (same := came[_key(field, fate.before)]):
            other = same.pop(0)
            fate.after, other.after = other.after, _ABSENT
    return [fate for fate in fates if fate.before is not fate.after]


def _difference(field: str, fates: Sequence[_Fate]) -> Change | None:
    if not fates:
        return None
    changed = [fate for fate in fates if fate.before is not _ABSENT and fate.after is not _ABSENT]
    return {
        "field": field,
        "before": [fate.before for fate in fates if fate.before is not _ABSENT],
        "after": [fate.after for fate in fates if fate.after is not _ABSENT],
        "added": [fate.after for fate in fates if fate.before is _ABSENT],
        "removed": [fate.before for fate in fates if fate.after is _ABSENT],
        "changed": [{"before": fate.before, "after": fate.after} for fate in changed],
    }
