"""For each fact: whether a difference is told, and how it is put."""

import re
from collections.abc import Callable
from typing import Any

from notifier.conditions.normal_form import normal_form
from notifier.db.base import Json
from notifier.registry.dates import date_moved
from notifier.registry.keyed import ListDiff, pair_by_key, pair_by_likeness
from notifier.registry.text import loose
from notifier.registry.thresholds import ENROLLMENT_SHARE, REWORDED, SAME_CITATION

Differs = Callable[[Any, Any], bool]
Likeness = Callable[[Json, Json], float]
ListRule = Callable[[list[Any], list[Any]], ListDiff]

_WORD = re.compile(r"\w+")


def value_differs(before: Any, after: Any) -> bool:
    return bool(before != after)


def wording_differs(before: str | None, after: str | None) -> bool:
    return loose(before or "") != loose(after or "")


def set_differs(before: list[str], after: list[str]) -> bool:
    return set(before) != set(after)


def enrollment_differs(before: Json | None, after: Json | None) -> bool:
    """Newly given, gone, become actual, or changed by more than ENROLLMENT_SHARE."""
    if before is None or after is None:
        return before is not after
    if before["type"] == "ESTIMATED" and after["type"] == "ACTUAL":
        return True
    return bool(abs(after["count"] - before["count"]) > ENROLLMENT_SHARE * before["count"])


def compare_items(before: list[Json], after: list[Json]) -> ListDiff:
    """Arms, interventions, outcomes: one whose wording changed is the same one, changed."""
    _, gone, new = pair_by_key(before, after, _item_words)
    reworded, gone, new = pair_by_likeness(gone, new, _all, _shared_words([*gone, *new]), REWORDED)
    return ListDiff(added=new, removed=gone, changed=reworded)


def compare_documents(before: list[Json], after: list[Json]) -> ListDiff:
    """A new version of the same document has another date."""
    pairs, gone, new = pair_by_key(before, after, lambda item: (item["type"], loose(item["label"] or "")))
    changed = [(old, new) for old, new in pairs if old["date"] != new["date"]]
    return ListDiff(added=new, removed=gone, changed=changed)


def compare_references(before: list[Json], after: list[Json]) -> ListDiff:
    """Edits of a citation are no news; a background paper that became a result is, and a retraction."""
    pairs, gone, new = pair_by_key(before, after, lambda item: item["pmid"] or loose(item["citation"] or ""))
    cited, gone, new = pair_by_likeness(gone, new, _all, _same_citation([*gone, *new]), SAME_CITATION)
    changed = [(old, new) for old, new in pairs + cited if _is_news(old, new)]
    return ListDiff(added=new, removed=gone, changed=changed)


def compare_conditions(before: list[str], after: list[str]) -> ListDiff:
    _, gone, new = pair_by_key(_once(before), _once(after), normal_form)
    return ListDiff(added=new, removed=gone)


def compare_contacts(before: list[str], after: list[str]) -> ListDiff:
    _, gone, new = pair_by_key(before, after, str)
    return ListDiff(added=new, removed=gone)


# Facts that are not here (keywords, MeSH headings, posting dates) are for cards and targets only:
# the registry derives or stamps them, and nobody is told of them.
VALUES: dict[str, Differs] = {
    "overallStatus": value_differs,
    "whyStopped": wording_differs,
    "startDate": date_moved,
    "primaryCompletionDate": date_moved,
    "completionDate": date_moved,
    "enrollment": enrollment_differs,
    "eligibilityCriteria": wording_differs,
    "minimumAge": wording_differs,
    "maximumAge": wording_differs,
    "sex": value_differs,
    "healthyVolunteers": value_differs,
    "phases": set_differs,
    "studyType": value_differs,
    "briefTitle": wording_differs,
    "officialTitle": wording_differs,
    "briefSummary": wording_differs,
    "detailedDescription": wording_differs,
    "leadSponsor": wording_differs,
    "hasResults": value_differs,
}
LISTS: dict[str, ListRule] = {
    "centralContacts": compare_contacts,
    "armGroups": compare_items,
    "interventions": compare_items,
    "primaryOutcomes": compare_items,
    "secondaryOutcomes": compare_items,
    "conditions": compare_conditions,
    "references": compare_references,
    "largeDocuments": compare_documents,
}
PLACES = "locations"  # compared beside the overall status: see places.py
COMPARED = (*VALUES, PLACES, *LISTS)


def _all(_: Json) -> None:
    """One group."""


def _item_words(item: Json) -> str:
    return "\n".join(_words(value) for value in item.values())


def _words(value: str | list[str] | None) -> str:
    return loose(" ".join(value) if isinstance(value, list) else value or "")


def _shared_words(items: list[Json]) -> Likeness:
    """The share of words that two of the items have in common."""
    words = {id(item): {word for value in item.values() for word in _split(value)} for item in items}

    def share(old: Json, new: Json) -> float:
        one, other = words[id(old)], words[id(new)]
        return len(one & other) / max(len(one | other), 1)

    return share


def _split(value: str | list[str] | bool | None) -> list[str]:
    if isinstance(value, bool):
        return []
    return _WORD.findall((" ".join(value) if isinstance(value, list) else value or "").casefold())


def _same_citation(items: list[Json]) -> Likeness:
    share = _shared_words(items)
    return lambda old, new: 0 if old["pmid"] and new["pmid"] else share(old, new)


def _is_news(old: Json, new: Json) -> bool:
    results = ("RESULT", "DERIVED")
    became_result = old["type"] not in results and new["type"] in results
    return became_result or (new["retracted"] and not old["retracted"])


def _once(texts: list[str]) -> list[str]:
    return list({normal_form(text): text for text in texts}.values())
