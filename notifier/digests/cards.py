"""What the templates show of one study: every line ready, every text of others made harmless."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import quote

from notifier.digests.content import Item, Reason
from notifier.digests.facts import Fact, changed_facts, new_facts
from notifier.digests.parts import parts_and_caution
from notifier.digests.tags import MANAGE_TAG
from notifier.digests.text import clean, first_sentences
from notifier.digests.vocabulary import WORDS, date_words, status_state
from notifier.digests.words import Told, tell, why_stopped
from notifier.languages.language import Language

TITLE_LIMIT = 200
SUMMARY_LIMIT = 320
TOLD_IN_FULL = 3  # changes shown as before and now; the rest is named
REASONS = 3  # why a study is told of; the rest is counted
NARROWER, ASSIGNED = 4, 3  # evidence ranks that need a word of explanation
WITH_RESULTS = ("COMPLETED", "TERMINATED")  # statuses after which results may be posted
ENDED = (*WITH_RESULTS, "WITHDRAWN")  # of studies: care outside of one is closed, or approved


@dataclass(frozen=True, slots=True)
class CardLinks:
    """`study`: the pattern of the site's study pages. `stop`: where updates about a target are stopped."""

    study: str
    stop: Callable[[int], str]


class CardView(NamedTuple):
    """`title` is the site's question, or else the registry's own title, which then is not said twice.

    `parts` are the site's own words, each with our label; `caution` is ours, where they tell no harm or not all of it.
    `ending` is said of a study that has just ended; then `manage_url` leads to where its reader may follow new ones.
    `stop_url` is empty for a study that the reader does not follow itself.
    """

    nct_id: str
    url: str
    title: str
    registry_title: str
    state: str
    seen: str
    facts: tuple[Fact, ...]
    lead: str
    told: tuple[Told, ...]
    also: str
    ending: str
    summary: str
    is_summary_theirs: bool
    parts: tuple[Fact, ...]
    caution: str
    why: tuple[str, ...]
    stop_url: str
    manage_url: str


def is_followed(item: Item) -> bool:
    """A change to a study that the person follows; all else is new to them."""
    if item.kind == "study_changed":
        for reason in item.reasons:  # asked often: a loop takes a third of the time that `any` does
            if reason.kind == "study":
                return True
    return False


def has_just_ended(item: Item) -> bool:
    """A study that the person follows has ended. From one way to end to another is no end."""
    return is_followed(item) and any(
        change["field"] == "overallStatus" and change["after"] in ENDED and change["before"] not in ENDED
        for change in item.changes
    )


def title(item: Item) -> str:
    """The site's question, else the registry's title, else the number."""
    return (
        (clean(item.card.question, TITLE_LIMIT) if item.card else "") or _registry_title(item) or item.nct_id
    )


def _registry_title(item: Item) -> str:
    return clean(item.study.get("briefTitle") or "", TITLE_LIMIT)


def state(item: Item, language: Language) -> str:
    """What happened, in a word or two."""
    if is_followed(item):
        told = {change["field"]: change["after"] for change in item.changes}
        if told.get("overallStatus"):
            return status_state(told["overallStatus"], language)
        return language.gettext("Results posted") if told.get("hasResults") else language.gettext("Changed")
    return language.gettext("New study") if item.kind == "new_study" else language.gettext("New for you")


def study_url(pattern: str, nct_id: str) -> str:
    return pattern.replace("{nct_id}", quote(nct_id, safe=""))


def card_view(item: Item, links: CardLinks, language: Language) -> CardView:
    """What the event says is worked out once for all editions that it stands in; why and the link are the reader's."""
    followed = is_followed(item)
    key = (followed, links.study, language)
    if (about := item.told.get(key)) is None:
        about = item.told[key] = _about(item, links.study, language, followed=followed)
    stop_url = next((links.stop(reason.target_id) for reason in item.reasons if reason.kind == "study"), "")
    why = _why(item, language)
    return about._replace(why=why, stop_url=stop_url) if why or stop_url else about


def _about(item: Item, url_pattern: str, language: Language, *, followed: bool) -> CardView:
    told = _told(item, language) if followed else why_stopped(item.study, language)
    ending = _ending(item, language)
    shown_title, registry_title = title(item), _registry_title(item)
    summary, is_theirs = ("", False) if followed else _summary(item)
    parts, caution = ((), "") if followed else parts_and_caution(item, language)
    return CardView(
        nct_id=item.nct_id,
        url=study_url(url_pattern, item.nct_id),
        title=shown_title,
        registry_title="" if registry_title == shown_title else registry_title,
        state=state(item, language),
        seen=_seen(item, language),
        facts=tuple(changed_facts(item, language) if followed else new_facts(item.study, language)),
        lead="" if followed else _lead(item, language),
        told=told[:TOLD_IN_FULL],
        also=language.listed([one.name for one in told[TOLD_IN_FULL:]]),
        ending=ending,
        summary=summary,
        is_summary_theirs=is_theirs,
        parts=parts,
        caution=caution,
        why=(),
        stop_url="",
        manage_url=MANAGE_TAG if ending else "",
    )


def _told(item: Item, language: Language) -> tuple[Told, ...]:
    """What several changes can mean alike is said once."""
    said: set[str] = set()
    told = []
    for one in tell(item.changes, item.study, language):
        told.append(replace(one, meaning="") if one.meaning in said else one)
        said.add(one.meaning)
    return tuple(told)


def _ending(item: Item, language: Language) -> str:
    if not has_just_ended(item):
        return ""
    status = next(change["after"] for change in item.changes if change["field"] == "overallStatus")
    may_have_results = status in WITH_RESULTS and not item.study.get("hasResults")
    said = ("few", "results") if may_have_results else ("few",)
    return " ".join(language.gettext(WORDS["ending"][one]) for one in said)


def _lead(item: Item, language: Language) -> str:
    if item.kind == "new_study":
        return ""
    return language.gettext("This study is not new, but its record now names a condition that you follow.")


def _summary(item: Item) -> tuple[str, bool]:
    if item.card and item.card.summary:
        return first_sentences(clean(item.card.summary, 2 * SUMMARY_LIMIT), SUMMARY_LIMIT), False
    return first_sentences(
        clean(item.study.get("briefSummary") or "", 2 * SUMMARY_LIMIT), SUMMARY_LIMIT
    ), True


def _seen(item: Item, language: Language) -> str:
    """First seen by us, and last updated: the registry's posting date. Of a study that was there before we were it is
    told since when it is in the registry: first seen after its last update would puzzle.
    """
    posted, seen = (str(item.study.get(name) or "") for name in ("firstPosted", "firstSeen"))
    updated = date_words(str(item.study.get("lastUpdatePosted") or item.occurred_on or ""), language)
    last = language.gettext("Last updated %(date)s.", date=updated) if updated else ""
    if posted and posted != seen and item.kind != "new_study":
        since = language.gettext("In the registry since %(date)s.", date=date_words(posted, language))
        return f"{since} {last}".rstrip()
    first = date_words(seen, language)
    if first and first == updated:
        return language.gettext("First seen and last updated %(date)s.", date=first)
    since = language.gettext("First seen %(date)s.", date=first) if first else ""
    return f"{since} {last}".strip()


def _why(item: Item, language: Language) -> tuple[str, ...]:
    """How the study and the person's choices belong together, where that is not plain to see."""
    reasons, more = item.reasons, len(item.reasons) - REASONS
    if more > 0:
        reasons = tuple(
            sorted(reasons, key=lambda reason: (reason.kind != "study", reason.evidence))[:REASONS]
        )
    lines = [
        *dict.fromkeys(_why_line(reason, language, is_only=len(reasons) == 1) for reason in reasons)
    ]  # one for a study that they follow by two ids
    if more > 0:
        lines.append(
            language.ngettext(
                "It also matches %(num)s more thing that you follow.",
                "It also matches %(num)s more things that you follow.",
                more,
            )
        )
    return tuple(line for line in lines if line)


def choice(label: str, language: Language) -> str:
    """A condition in the reader's own words; a name of ours where nothing readable is left of them."""
    return clean(label, TITLE_LIMIT) or language.gettext("a condition that you chose")


def _why_line(reason: Reason, language: Language, *, is_only: bool) -> str:
    if is_only and reason.evidence not in (NARROWER, ASSIGNED):
        return ""
    label = choice(reason.label, language)
    if reason.evidence == NARROWER:
        return language.gettext(
            "You follow “%(name)s”, a broader condition. This study is about a part of it.", name=label
        )
    if reason.evidence == ASSIGNED:
        return language.gettext("The registry’s index lists this study under “%(name)s”.", name=label)
    if reason.kind == "study":
        return language.gettext("You follow this study.")
    return language.gettext("You follow “%(name)s”.", name=label)
