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
    """A change as the mail tells it. Either `before` and `now`, or `note`; the rest may be empty.

    `is_theirs` marks values in the study team's own words; `quote` always is.
    """

    topic: str
    label: str
    before: str
    now: str
    note: str
    quote: str
    meaning: str
    is_theirs: bool

    @property
    def weight(self) -> int:
        return TOPICS.index(self.topic)


def tell(changes: Sequence[Change]) -> tuple[Told, ...]:
    """All changes of one study in words, the weightiest first."""
    stopping = {change["field"]: change for change in changes}
    if "overallStatus" in stopping:
        reason = stopping.pop("whyStopped", None)
        told = [_told(change, reason) for change in stopping.values()]
    else:
        told = [_told(change, None) for change in changes]
    return tuple(sorted(told, key=lambda one: one.weight))


def _told(change: Change, reason: Change | None) -> Told:
    field, before, after = change["field"], change["before"], change["after"]
    words = field_words(field)
    topic, meaning, quote = words["topic"], words["means"], ""
    if field == "overallStatus":
        status = WORDS["statuses"].get(after, {})
        topic, meaning = status.get("topic", topic), status.get("means", meaning)
        quote = _quote(reason["after"]) if reason else ""
    if field == "whyStopped":
        quote = _quote(after)
        note = "" if quote else _capital(WORDS["gone"]) + "."
    else:
        note = _note(change, words)
    if note or field == "whyStopped":
        return Told(topic, words["label"], "", "", note, quote, meaning, False)
    was, now = _value(field, before, WORDS["not_given"]), _value(field, after, WORDS["gone"])
    if was == now:
        return Told(topic, words["label"], "", "", WORDS["edited"], quote, meaning, False)
    return Told(topic, words["label"], was, now, "", quote, meaning, field in _OWN_WORDS)


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


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(field: str, value: Any, absent: str) -> str:
    if value is None or value in ("", [], {}):
        return absent
    return _VALUES.get(field, _any)(value)


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


_OWN_WORDS = frozenset({"briefTitle", "leadSponsor"})
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
