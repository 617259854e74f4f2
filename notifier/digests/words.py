"""Each change in plain words: what it was, what it is now, and what that can mean."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from notifier.digests.content import Change, Snapshot
from notifier.digests.differences import difference
from notifier.digests.meanings import meaning as means
from notifier.digests.statuses import STOPPED, Statuses, statuses
from notifier.digests.text import clean, first_sentences
from notifier.digests.vocabulary import (
    TOPICS,
    WORDS,
    age_words,
    code_words,
    date_words,
    field_words,
    people_words,
    phase_words,
    status_words,
    with_certainty,
)
from notifier.languages.language import Language

QUOTE_LIMIT = 300  # characters of the registry's reason for stopping
VALUE_LIMIT = 120
TITLE_LIMIT = 300  # the registry's own


@dataclass(frozen=True, slots=True)
class Told:
    """A change as the mail tells it: `before` and `now`, or a `note`; with a `quote` where there is one.

    `name` is what changed, as it stands in a list; `label` is the same at the beginning of a line.
    `is_theirs` marks values in the study team's own words; `quote` always is.
    """

    name: str
    meaning: str
    before: str = ""
    now: str = ""
    note: str = ""
    quote: str = ""
    is_theirs: bool = False

    @property
    def label(self) -> str:
        return self.name[:1].upper() + self.name[1:]


def weight(change: Change) -> int:
    """Where its topic stands in TOPICS; 0 is the weightiest."""
    field = change["field"]
    if field == "overallStatus" and change["after"] in _STATUS_WEIGHTS:
        return _STATUS_WEIGHTS[change["after"]]
    if field in _REWORDABLE and not change["added"] and not change["removed"]:
        return _OTHER_WEIGHT
    return _WEIGHTS.get(field, _OTHER_WEIGHT)


_OTHER_WEIGHT = TOPICS.index(WORDS["other"]["topic"])
_WEIGHTS = {field: TOPICS.index(words["topic"]) for field, words in WORDS["fields"].items()}
_REWORDABLE = frozenset(field for field, words in WORDS["fields"].items() if "means_reworded" in words)
_STATUS_WEIGHTS = {
    status: TOPICS.index(words["topic"]) for status, words in WORDS["statuses"].items() if "topic" in words
}


def tell(changes: Sequence[Change], study: Snapshot, language: Language) -> tuple[Told, ...]:
    """All changes of one study in words, the weightiest first. A new status takes the reason with it.

    `study` is as it stands after them.
    """
    moved = statuses(changes, study)
    ordered = sorted(changes, key=weight)
    told = {change["field"]: _told(change, study, moved, language) for change in ordered}
    if status := told.get("overallStatus"):
        reason = told.pop("whyStopped", None)
        if moved.after in STOPPED:
            quote = (reason.quote if reason else "") or _quote(study.get("whyStopped"))
            told["overallStatus"] = replace(status, quote=quote)
    return tuple(told.values())


def why_stopped(study: Snapshot, language: Language) -> tuple[Told, ...]:
    """The reason, for somebody to whom a stopped study is new."""
    if study.get("overallStatus") not in STOPPED or not (quote := _quote(study.get("whyStopped"))):
        return ()
    return (Told(language.gettext(WORDS["fields"]["whyStopped"]["label"]), "", quote=quote),)


def _told(change: Change, study: Snapshot, moved: Statuses, language: Language) -> Told:
    field, before, after = change["field"], change["before"], change["after"]
    words = field_words(field)
    name, meaning = language.gettext(words["label"]), means(change, words, study, moved, language)
    if field == "whyStopped" and after:
        return Told(name, meaning, quote=_quote(after))
    if note := _note(change, words, moved, language):
        return Told(name, meaning, note=note)
    was = _value(field, before, words.get("absent", WORDS["not_given"]), language)
    now = _value(field, after, words.get("absent", WORDS["gone"]), language)
    if was == now:
        return Told(name, "", note=language.gettext(WORDS["edited"]))
    return Told(name, meaning, was, now, is_theirs=field in _OWN_WORDS)


def _note(change: Change, words: dict[str, Any], moved: Statuses, language: Language) -> str:
    """A sentence, where before and now would say too much or too little."""
    if "gained" in words:
        how = "gained" if not change["before"] else "changed" if change["after"] else "lost"
        return language.gettext(words.get(how, words["gained"]))
    if "added" in words and "added" in change:
        return difference(change, words, moved, language)
    return ""


def _quote(text: object) -> str:
    return first_sentences(clean(text, 2 * QUOTE_LIMIT), QUOTE_LIMIT) if text else ""


def _value(field: str, value: Any, absent: str, language: Language) -> str:
    if value is None or value in ("", [], {}):
        return language.gettext(absent)
    return _VALUES.get(field, _any)(value, language) or language.gettext(absent)


def _any(value: Any, language: Language) -> str:
    if isinstance(value, list):
        return clean(language.series([str(part) for part in value]), VALUE_LIMIT)
    return clean(value, VALUE_LIMIT)


def _dated(value: Any, language: Language) -> str:
    return with_certainty(date_words(str(value.get("date")), language), value.get("type"), language)


def _enrolled(value: Any, language: Language) -> str:
    return with_certainty(people_words(value.get("count"), language), value.get("type"), language)


def _yes_or_no(value: Any, language: Language) -> str:
    return language.gettext(WORDS["fields"]["healthyVolunteers"]["true" if value else "false"])


def _title(value: Any, _: Language) -> str:
    return clean(value, TITLE_LIMIT)


_OWN_WORDS = frozenset({"briefTitle", "leadSponsor", "whyStopped"})
_VALUES: dict[str, Callable[[Any, Language], str]] = {
    "overallStatus": status_words,
    "startDate": _dated,
    "primaryCompletionDate": _dated,
    "completionDate": _dated,
    "enrollment": _enrolled,
    "minimumAge": age_words,
    "maximumAge": age_words,
    "sex": lambda value, language: code_words(WORDS["sexes"], value, language),
    "studyType": lambda value, language: code_words(WORDS["study_types"], value, language),
    "healthyVolunteers": _yes_or_no,
    "phases": phase_words,
    "briefTitle": _title,
}
