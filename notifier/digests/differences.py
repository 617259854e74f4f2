"""Lists that changed, told by their difference alone: `6 places added: Lyon, Turin and 4 more. 1 place removed.`"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from notifier.digests.content import Change
from notifier.digests.places import Groups, place_groups
from notifier.digests.statuses import Statuses
from notifier.digests.text import clean
from notifier.digests.vocabulary import counted
from notifier.languages.language import Language

NAMED = 2  # that many are named, the rest is counted


def difference(change: Change, words: Mapping[str, Any], statuses: Statuses, language: Language) -> str:
    """One short sentence for what came, what went, and what became of the rest."""
    if change["field"] == "locations":
        groups = place_groups(change, words, statuses)
    elif change["field"] == "references":
        groups = _articles(change, words)
    else:
        groups = [(words[how], _now(change, how)) for how in ("added", "removed", "changed") if how in words]
    return " ".join(_group(items, what, words.get("name"), language) for what, items in groups if items)


def has_withdrawn(change: Change) -> bool:
    """Of articles, that one was withdrawn since, or before it was added."""
    return any(map(_is_withdrawn, change["added"])) or any(map(_was_withdrawn, change["changed"]))


def _was_withdrawn(pair: Mapping[str, Any]) -> bool:
    return _is_withdrawn(pair["after"]) and not _is_withdrawn(pair["before"])


def _is_withdrawn(article: Any) -> bool:
    return isinstance(article, Mapping) and bool(article.get("retracted"))


def _now(change: Change, how: str) -> list[Any]:
    return [pair["after"] for pair in change["changed"]] if how == "changed" else list(change[how])


def _articles(change: Change, words: Mapping[str, Any]) -> Groups:
    """The registry tells two things of an article: that it was withdrawn, and that it is about the results."""
    groups: dict[str, list[Any]] = {
        how: [] for how in ("withdrawn", "added_withdrawn", "added", "removed", "changed")
    }
    for article in change["added"]:
        groups["added_withdrawn" if _is_withdrawn(article) else "added"].append(article)
    for pair in change["changed"]:
        groups["withdrawn" if _was_withdrawn(pair) else "changed"].append(pair["after"])
    groups["removed"] += change["removed"]
    return [(words[how], articles) for how, articles in groups.items()]


def _group(items: Sequence[Any], what: Mapping[str, str], key: str | None, language: Language) -> str:
    told = counted(what, len(items), language)
    names = _names(items, key)
    if key == "city" and len(items) > 1 and list(names.values()) == [len(items)]:
        return language.gettext("%(what)s in %(city)s.", what=told, city=next(iter(names)))
    if names:
        first = list(names)[:NAMED]
        listed = language.abridged(first, len(items) - sum(names[name] for name in first))
        return language.gettext("%(what)s: %(names)s.", what=told, names=listed)
    return language.gettext("%(what)s.", what=told)


def _names(items: Sequence[Any], key: str | None) -> Counter[str]:
    """How many of the items have each name."""
    counts = Counter(clean(_name(item, key), 60) for item in items)
    counts.pop("", None)
    return counts


def _name(item: Any, key: str | None) -> str:
    if isinstance(item, Mapping):
        return str(item.get(key) or "") if key else ""
    return item if isinstance(item, str) and key is None else ""
