"""For each fact: whether a difference is told, and how it is put."""

from collections.abc import Callable
from typing import Any

from notifier.conditions.normal_form import normal_form
from notifier.db.base import Json
from notifier.registry.dates import date_moved
from notifier.registry.keyed import ListDiff, pair_by_key, pair_by_likeness
from notifier.registry.text import loose
from notifier.registry.thresholds import ENROLLMENT_SHARE, REWORDED, SAME_CITATION

Differs = Callable[[Any, Any], bool]
ListRule = Callable[[list[Any], list[Any]], ListDiff]


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
    reworded, gone, new = pair_by_likeness(gone, new, _shared_words, REWORDED)
    return ListDiff(added=new, removed=gone, changed=reworded)


def compare_documents(before: list[Json], after: list[Json]) -> ListDiff:
    """A new version of the same document has another date."""
    pairs, gone, new = pair_by_key(before, after, lambda item: (item["type"], loose(item["label"] or "")))
    changed = [(old, new) for old, new in pairs if old["date"] != new["date"]]
    return ListDiff(added=new, removed=gone, changed=changed)


def compare_references(before: list[Json], after: list[Json]) -> ListDiff:
    """Edits of a citation are no news; a background paper that became a result is, and a retraction."""
    pairs, gone, new = pair_by_key(before, after, lambda item: item["pmid"] or loose(item["citation"] or ""))
    cited, gone, new = pair_by_likeness(gone, new, _same_citation, SAME_CITATION)
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


def _item_words(item: Json) -> str:
    return "\n".join(_words(value) for value in item.values())


def _words(value: str | list[str] | None) -> str:
    return loose(" ".join(value) if isinstance(value, list) else value or "")


def _word_set(item: Json) -> set[str]:
    texts = (" ".join(value) if isinstance(value, list) else value or "" for value in item.values())
    return {loose(word) for text in texts for word in text.split()} - {""}


def _shared_words(old: Json, new: Json) -> float:
    one, other = _word_set(old), _word_set(new)
    return len(one & other) / max(len(one | other), 1)


def _same_citation(old: Json, new: Json) -> float:
    if old["pmid"] and new["pmid"]:
        return 0
    return _shared_words({"citation": old["citation"]}, {"citation": new["citation"]})


def _is_news(old: Json, new: Json) -> bool:
    results = ("RESULT", "DERIVED")
    became_result = old["type"] not in results and new["type"] in results
    return became_result or (new["retracted"] and not old["retracted"])


def _once(texts: list[str]) -> list[str]:
    return list({normal_form(text): text for text in texts}.values())
