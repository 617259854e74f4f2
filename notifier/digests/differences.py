"""Lists that changed, told by their difference alone: `6 places added: Lyon, Turin and 4 more. 1 place removed.`"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.digests.text import clean
from notifier.digests.vocabulary import WORDS, counted
from notifier.languages.language import Language

NAMED = 2  # that many are named, the rest is counted
_CLOSED = frozenset({"ACTIVE_NOT_RECRUITING", "COMPLETED", "TERMINATED", "WITHDRAWN", None})
_FATES: dict[str, Mapping[str, str]] = WORDS["places"]


def difference(change: Mapping[str, Any], words: Mapping[str, Any], language: Language) -> str:
    """One short sentence for what came, what went, and what became of the rest."""
    groups = [(words["added"], change["added"]), (words["removed"], change["removed"])]
    if change["field"] == "locations":
        groups += _fates(change["changed"])
    else:
        groups.append((words["changed"], [pair["after"] for pair in change["changed"]]))
    return " ".join(_group(items, what, words.get("name"), language) for what, items in groups if items)


def _group(items: Sequence[Any], what: Mapping[str, str], key: str | None, language: Language) -> str:
    told = counted(what, len(items), language)
    if names := named(items, key, language):
        return language.gettext("%(what)s: %(names)s.", what=told, names=names)
    return language.gettext("%(what)s.", what=told)


def named(items: Sequence[Any], key: str | None, language: Language) -> str:
    """The first names, each once, and how many of the items they leave out."""
    counts = Counter(clean(_name(item, key), 60) for item in items)
    counts.pop("", None)
    first = list(counts)[:NAMED]
    return language.abridged(first, len(items) - sum(counts[name] for name in first))


def _name(item: Any, key: str | None) -> str:
    if isinstance(item, Mapping):
        return str(item.get(key) or "") if key else ""
    return item if isinstance(item, str) and key is None else ""


def _fates(changed: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, str], list[Any]]]:
    """Places by what became of them, the open ones first."""
    fates: dict[str, list[Any]] = {fate: [] for fate in _FATES}
    for pair in changed:
        fates[_fate(pair["before"], pair["after"])].append(pair["after"])
    return [(_FATES[fate], places) for fate, places in fates.items()]


def _fate(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    status = after.get("status")
    if status == before.get("status"):
        return "renamed"
    if status in _CLOSED:
        return "closed"
    status = "RECRUITING" if status == "AVAILABLE" else status
    return status if status in _FATES else "renamed"
