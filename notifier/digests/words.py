"""Each change in plain words: what it was, what it is now, and what that can mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from notifier.digests.content import Change
from notifier.digests.differences import difference
from notifier.digests.text import clean, first_sentences
from notifier.digests.vocabulary import (
    TOPICS,
    WORDS,
    certainty,
    code_words,
    date_words,
    field_words,
    people_words,
    phase_words,
    status_words,
)

QUOTE_LIMIT = 300  # characters of the registry's reason for stopping
VALUE_LIMIT = 120


@dataclass(frozen=True, slots=True)
class Told:
    """A change as the mail tells it: `before` and `now`, or a `note`; with a `quote` where there is one.

    `is_theirs` marks values in the study team's own words; `quote` always is.
    """

    label: str
    meaning: str
    before: str = ""
    now: str = ""
    note: str = ""
    quote: str = ""
    is_theirs: bool = False


def weight(change: Change) -> int:
    """Where its topic stands in TOPICS; 0 is the weightiest."""
    field = change["field"]
    if field == "overallStatus" and change["after"] in _STATUS_WEIGHTS:
        return _STATUS_WEIGHTS[change["after"]]
    return _WEIGHTS.get(field, _OTHER_WEIGHT)


_OTHER_WEIGHT = TOPICS.index(WORDS["other"]["topic"])
_WEIGHTS = {field: TOPICS.index(words["topic"]) for field, words in WORDS["fields"].items()}
_STATUS_WEIGHTS = {
    status: TOPICS.index(words["topic"]) for status, words in WORDS["statuses"].items() if "topic" in words
}


def tell(changes: Sequence[Change]) -> tuple[Told, ...]:
    """All changes of one study in words, the weightiest first. A new status takes the reason with it."""
    ordered = sorted(changes, key=weight)
    reason = next((change["after"] for change in ordered if change["field"] == "whyStopped"), None)
    if not any(change["field"] == "overallStatus" for change in ordered):
        return tuple(_told(change) for change in ordered)
    return tuple(
        _told(change, reason if change["field"] == "overallStatus" else None)
        for change in ordered
        if change["field"] != "whyStopped"
    )


def _told(change: Change, reason: object = None) -> Told:
    field, before, after = change["field"], change["before"], change["after"]
    words = field_words(field)
    label, meaning, quote = words["label"], words["means"], _quote(reason)
    if field == "overallStatus":
        meaning = WORDS["statuses"].get(after, words)["means"]
    if field == "whyStopped" and after:
        return Told(label, meaning, quote=_quote(after))
    if note := _note(change, words):
        return Told(label, meaning, note=note)
    was, now = _value(field, before, WORDS["not_given"]), _value(field, after, WORDS["gone"])
    if was == now:
        return Told(label, meaning, note=WORDS["edited"])
    return Told(label, meaning, was, now, quote=quote, is_theirs=field in _OWN_WORDS)


def _note(change: Change, words: dict[str, Any]) -> str:
    """A sentence, where before and now would say too much or too little."""
    how = "gained" if not change["before"] else "changed" if change["after"] else "lost"
    if "rewrote" in words:
        return str(WORDS["rewrites"][how]).format(what=words["rewrote"])
    if "gained" in words:
        return str(words.get(how, words["gained"]))
    if "one" in words and "added" in change:
        return difference(change, words)
    return ""


def _quote(text: object) -> str:
    return first_sentences(clean(text, 2 * QUOTE_LIMIT), QUOTE_LIMIT) if text else ""


def _value(field: str, value: Any, absent: str) -> str:
    if value is None or value in ("", [], {}):
        return absent
    return _VALUES.get(field, _any)(value) or absent


def _any(value: Any) -> str:
    if isinstance(value, list):
        return clean(", ".join(str(part) for part in value), VALUE_LIMIT)
    return clean(value, VALUE_LIMIT)


def _dated(value: Any) -> str:
    return date_words(str(value.get("date"))) + certainty(value.get("type"))


def _enrolled(value: Any) -> str:
    return people_words(value.get("count")) + certainty(value.get("type"))


def _yes_or_no(value: Any) -> str:
    return str(WORDS["fields"]["healthyVolunteers"]["true" if value else "false"])


_OWN_WORDS = frozenset({"briefTitle", "leadSponsor", "whyStopped"})
_VALUES: dict[str, Callable[[Any], str]] = {
    "overallStatus": status_words,
    "startDate": _dated,
    "primaryCompletionDate": _dated,
    "completionDate": _dated,
    "enrollment": _enrolled,
    "minimumAge": lambda value: clean(value, 60).lower(),
    "maximumAge": lambda value: clean(value, 60).lower(),
    "sex": lambda value: code_words(WORDS["sexes"], value),
    "studyType": lambda value: code_words(WORDS["study_types"], value),
    "healthyVolunteers": _yes_or_no,
    "phases": phase_words,
}
