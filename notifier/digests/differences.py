"""Lists that changed, told by their difference alone: `6 places added: Lyon, Turin and 4 more. 1 removed.`"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.digests.text import clean, joined
from notifier.digests.vocabulary import WORDS

NAMED = 2  # that many are named, the rest is counted
_CLOSED = frozenset({"ACTIVE_NOT_RECRUITING", "COMPLETED", "TERMINATED", "WITHDRAWN", None})


def difference(change: Mapping[str, Any], words: Mapping[str, Any]) -> str:
    """One short sentence for what came, what went, and what became of the rest."""
    groups = [(WORDS["lists"]["added"], change["added"]), (WORDS["lists"]["removed"], change["removed"])]
    if change["field"] == "locations":
        groups += _fates(change["changed"])
    else:
        groups.append((WORDS["lists"]["changed"], [pair["after"] for pair in change["changed"]]))
    told: list[str] = []
    for verb, items in groups:
        if items:
            told.append(_group(items, verb, words, is_first=not told))
    return " ".join(told)


def _group(items: Sequence[Any], verb: str, words: Mapping[str, Any], *, is_first: bool) -> str:
    noun = f" {words['one' if len(items) == 1 else 'many']}" if is_first else ""
    names = named(items, words.get("name"))
    return f"{len(items):,}{noun} {verb}{': ' + names if names else ''}."


def named(items: Sequence[Any], key: str | None) -> str:
    """The first names, each once, and how many of the items they leave out."""
    counts = Counter(clean(_name(item, key), 60) for item in items)
    counts.pop("", None)
    first = list(counts)[:NAMED]
    rest = len(items) - sum(counts[name] for name in first)
    return joined([*first, f"{rest:,} {WORDS['lists']['more']}"] if first and rest else first)


def _name(item: Any, key: str | None) -> str:
    if isinstance(item, Mapping):
        return str(item.get(key) or "") if key else ""
    return item if isinstance(item, str) and key is None else ""


def _fates(changed: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[Any]]]:
    """Places by what became of them, the open ones first."""
    fates: dict[str, list[Any]] = {fate: [] for fate in WORDS["places"].values()}
    for pair in changed:
        fates[_fate(pair["before"], pair["after"])].append(pair["after"])
    return list(fates.items())


def _fate(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    status = after.get("status")
    if status == before.get("status"):
        return str(WORDS["places"]["renamed"])
    if status in _CLOSED:
        return str(WORDS["places"]["closed"])
    return str(WORDS["places"].get(status) or WORDS["places"]["renamed"])
