"""What a change can mean: one fixed sentence or two for each kind, from words.toml."""

from collections.abc import Mapping
from typing import Any

from notifier.digests.content import Change, Snapshot
from notifier.digests.differences import has_withdrawn
from notifier.digests.statuses import TAKING_PEOPLE, Statuses
from notifier.digests.vocabulary import WORDS
from notifier.languages.language import Language

DATES = frozenset({"startDate", "primaryCompletionDate", "completionDate"})


def meaning(
    change: Change, words: Mapping[str, Any], study: Snapshot, statuses: Statuses, language: Language
) -> str:
    field = change["field"]
    if field == "overallStatus":
        return _of_status(change["after"], words, study, language)
    if field in DATES:
        kind = _movement(
            change["before"] or {}, change["after"] or {}, str(study.get("lastUpdatePosted") or "")
        )
        return language.gettext(WORDS["dates"][kind])
    return language.gettext(words.get(f"means_{_how(change, statuses)}", words["means"]))


def _of_status(code: object, words: Mapping[str, Any], study: Snapshot, language: Language) -> str:
    words = WORDS["statuses"].get(code, words) if isinstance(code, str) else words
    said = language.gettext(words["means"])
    if "before_results" in words and not study.get("hasResults"):
        return f"{said} {language.gettext(words['before_results'])}"
    return said


def _movement(before: Mapping[str, Any], after: Mapping[str, Any], last_update: str) -> str:
    """Of a date. Dates may be partial: as text, a month comes before its days."""
    was, now = str(before.get("date") or ""), str(after.get("date") or "")
    if not now:
        return "removed"
    was_actual, is_actual = before.get("type") == "ACTUAL", after.get("type") == "ACTUAL"
    if is_actual and (not last_update or now <= last_update):
        return "corrected" if was_actual else "passed"
    if was_actual and not is_actual:
        return "planned_again"
    exact = min(len(was), len(now))
    if was[:exact] == now[:exact]:
        return "new"
    return "later" if now > was else "sooner"


def _how(change: Change, statuses: Statuses) -> str:
    if change["field"] == "locations":
        return "open" if statuses.after in TAKING_PEOPLE else "closed"
    if change["field"] == "whyStopped" and statuses.after == "WITHDRAWN":
        return "called_off"
    if "added" not in change:
        return "gained" if not change["before"] else "changed" if change["after"] else "lost"
    if has_withdrawn(change):
        return "withdrawn"
    return "added" if change["added"] else "removed" if change["removed"] else "reworded"
