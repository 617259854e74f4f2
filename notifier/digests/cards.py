"""What the templates show of one study: every line ready, every text of others made harmless."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from notifier.digests.content import Item, Reason, Snapshot
from notifier.digests.text import clean, first_sentences, joined
from notifier.digests.vocabulary import (
    WORDS,
    code_words,
    date_words,
    people_words,
    phase_words,
    status_state,
    status_words,
)
from notifier.digests.words import Told, tell

TITLE_LIMIT = 200
SUMMARY_LIMIT = 320
TOLD_IN_FULL = 3  # changes shown as before and now; the rest is named
NARROWER, ASSIGNED = 4, 3  # evidence ranks that need a word of explanation


@dataclass(frozen=True, slots=True)
class CardLinks:
    """`study`: the pattern of the site's study pages. `stop`: where updates about a target are stopped."""

    study: str
    stop: Callable[[int], str]


@dataclass(frozen=True, slots=True)
class CardView:
    """`title` is the site's question, or else the registry's own title, which then is not said twice.

    `stop_url` is empty for a study that the reader does not follow itself.
    """

    nct_id: str
    url: str
    title: str
    registry_title: str
    state: str
    seen: str
    facts: tuple[tuple[str, str], ...]
    lead: str
    told: tuple[Told, ...]
    also: str
    summary: str
    is_summary_theirs: bool
    why: tuple[str, ...]
    stop_url: str


def is_followed(item: Item) -> bool:
    """A change to a study that the person follows; all else is new to them."""
    return item.kind == "study_changed" and any(reason.kind == "study" for reason in item.reasons)


def title(item: Item) -> str:
    """The site's question, else the registry's title, else the number."""
    return (
        (clean(item.card.question, TITLE_LIMIT) if item.card else "") or _registry_title(item) or item.nct_id
    )


def _registry_title(item: Item) -> str:
    return clean(item.study.get("briefTitle") or "", TITLE_LIMIT)


def state(item: Item) -> str:
    """What happened, in a word or two."""
    if is_followed(item):
        told = {change["field"]: change["after"] for change in item.changes}
        if told.get("overallStatus"):
            return status_state(told["overallStatus"])
        return "Results posted" if told.get("hasResults") else "Changed"
    return "New study" if item.kind == "new_study" else "New for you"


def study_url(pattern: str, nct_id: str) -> str:
    return pattern.replace("{nct_id}", quote(nct_id, safe=""))


def card_view(item: Item, links: CardLinks) -> CardView:
    """What the event says is worked out once for all editions that it stands in; why and the link are the reader's."""
    followed = is_followed(item)
    key = (followed, links.study)
    if (about := item.told.get(key)) is None:
        about = item.told[key] = _about(item, links.study, followed=followed)
    stop_url = next((links.stop(reason.target_id) for reason in item.reasons if reason.kind == "study"), "")
    why = _why(item)
    return replace(about, why=why, stop_url=stop_url) if why or stop_url else about


def _about(item: Item, url_pattern: str, *, followed: bool) -> CardView:
    told = tell(item.changes) if followed else ()
    shown_title, registry_title = title(item), _registry_title(item)
    summary, is_theirs = ("", False) if followed else _summary(item)
    return CardView(
        nct_id=item.nct_id,
        url=study_url(url_pattern, item.nct_id),
        title=shown_title,
        registry_title="" if registry_title == shown_title else registry_title,
        state=state(item),
        seen=_seen(item),
        facts=tuple(_changed_facts(item) if followed else _new_facts(item.study)),
        lead="" if followed else _lead(item),
        told=told[:TOLD_IN_FULL],
        also=joined([one.label.lower() for one in told[TOLD_IN_FULL:]]),
        summary=summary,
        is_summary_theirs=is_theirs,
        why=(),
        stop_url="",
    )


def _lead(item: Item) -> str:
    if item.kind == "new_study":
        return ""
    return "This study is not new, but its record now names a condition that you follow."


def _summary(item: Item) -> tuple[str, bool]:
    if item.card and item.card.summary:
        return first_sentences(clean(item.card.summary, 2 * SUMMARY_LIMIT), SUMMARY_LIMIT), False
    return first_sentences(
        clean(item.study.get("briefSummary") or "", 2 * SUMMARY_LIMIT), SUMMARY_LIMIT
    ), True


def _seen(item: Item) -> str:
    """First seen by us, and last updated: the registry's posting date."""
    first = date_words(str(item.study.get("firstSeen") or ""))
    updated = date_words(str(item.study.get("lastUpdatePosted") or item.occurred_on or ""))
    if first and first == updated:
        return f"First seen and last updated {first}."
    parts = [f"First seen {first}." if first else "", f"Last updated {updated}." if updated else ""]
    return " ".join(filter(None, parts))


def _new_facts(study: Snapshot) -> list[tuple[str, str]]:
    about = [("About", _conditions(study))] if study.get("conditions") else []
    return [*about, *_status(study), *_design(study), ("Places", _places(study)), *_people(study)]


def _changed_facts(item: Item) -> list[tuple[str, str]]:
    """What the reader may have forgotten, and no fact that is told as a change."""
    changed = {change["field"] for change in item.changes}
    status = [] if "overallStatus" in changed else _status(item.study)
    design = [] if "phases" in changed else _design(item.study)
    return [*status, *design, ("Places", _places(item.study))]


def _status(study: Snapshot) -> list[tuple[str, str]]:
    return [("Status", status_words(study["overallStatus"]))] if study.get("overallStatus") else []


def _design(study: Snapshot) -> list[tuple[str, str]]:
    if study.get("phases"):
        return [("Phase", phase_words(study["phases"]))]
    if study.get("studyType"):
        return [("Kind", code_words(WORDS["study_types"], study["studyType"]))]
    return []


def _people(study: Snapshot) -> list[tuple[str, str]]:
    enrollment = study.get("enrollment") or {}
    return [("People", _size(enrollment))] if enrollment.get("count") else []


def _size(enrollment: Any) -> str:
    count = people_words(enrollment["count"]).split(" ")[0]
    return f"{count} planned" if enrollment.get("type") == "ESTIMATED" else count


def _places(study: Snapshot) -> str:
    count, countries = study.get("locationCount") or 0, study.get("countries") or []
    if not count:
        return "Not named yet"
    if len(countries) > 3:
        return f"{count:,} in {len(countries)} countries"
    return f"{count:,}{' in ' if countries else ''}{joined([clean(country, 60) for country in countries])}"


def _conditions(study: Snapshot) -> str:
    names = [clean(name, 80) for name in study.get("conditions") or []]
    more = f"{len(names) - 3} more"
    return joined([*names[:3], more] if len(names) > 4 else names)


def _why(item: Item) -> tuple[str, ...]:
    """How the study and the person's choices belong together, where that is not plain to see."""
    lines = [_why_line(reason, is_only=len(item.reasons) == 1) for reason in item.reasons]
    return tuple(line for line in lines if line)


def _why_line(reason: Reason, *, is_only: bool) -> str:
    label = clean(reason.label, TITLE_LIMIT)
    if reason.evidence == NARROWER:
        return f"You follow “{label}”, a broader condition. This study is about a part of it."
    if reason.evidence == ASSIGNED:
        return f"The registry’s index lists this study under “{label}”."
    if is_only:
        return ""
    return "You follow this study." if reason.kind == "study" else f"You follow “{label}”."
