"""The site's own words about a study, part by part: never what could be won without what could go wrong."""

from notifier.digests.content import Item, Snapshot
from notifier.digests.facts import Fact
from notifier.digests.text import clean, first_sentences
from notifier.digests.vocabulary import WORDS
from notifier.languages.language import Language

PART_LIMIT = 240
RISK_LIMIT = 600
WHOLE = 4000  # characters; the site's parts have fewer
GAINS = ("what_this_could_mean", "what_it_could_lead_to")
RISK = "what_could_go_wrong"
UNDER_WAY = frozenset(
    {"NOT_YET_RECRUITING", "RECRUITING", "ENROLLING_BY_INVITATION", "ACTIVE_NOT_RECRUITING", "SUSPENDED"}
)


def parts_and_caution(item: Item, language: Language) -> tuple[tuple[Fact, ...], str]:
    """Each part with its label, and what must be said where they do not tell all that could go wrong.

    Harm that is left out could be the gravest: then no gain is told either.
    """
    risk = clean(item.card.what_could_go_wrong, WHOLE) if item.card else ""
    told = first_sentences(risk, RISK_LIMIT)
    texts = {name: _trimmed(item, name) for name in WORDS["parts"]} | {RISK: told}
    if told != risk or not risk:
        texts |= dict.fromkeys(GAINS, "")
    parts = tuple((language.gettext(WORDS["parts"][name]), text) for name, text in texts.items() if text)
    if told != risk:
        return parts, language.gettext("There is more that could go wrong. Read all of it on the study page.")
    if not risk and _is_open_question(item.study):
        return parts, language.gettext("It is not known yet how well this works, or all the harm it can do.")
    return parts, ""


def _trimmed(item: Item, name: str) -> str:
    return first_sentences(clean(getattr(item.card, name, ""), 2 * PART_LIMIT), PART_LIMIT)


def _is_open_question(study: Snapshot) -> bool:
    """A study of a care whose effect is still looked for. What is tested in phase 4 is in use already."""
    return (
        study.get("studyType") == "INTERVENTIONAL"
        and study.get("overallStatus") in UNDER_WAY
        and "PHASE4" not in (study.get("phases") or ())
        and not study.get("hasResults")
    )
