"""Every mail there is, made up: for the development page, for `notifier mail`, for pictures and for tests."""

from collections.abc import Iterator
from dataclasses import replace

from notifier.digests.content import Card, EditionContent, Item, RenderedMail
from notifier.digests.corrections import CorrectionContent, render_correction
from notifier.digests.letters import LetterContent, Wish, render_letter
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    CARD,
    COMPLETED,
    CONDITION,
    EVERYTHING,
    FULL_CARD,
    LATER,
    MORE_PLACES,
    OPENED,
    REACHED,
    STOPPED,
    SUMMARY,
    changed_item,
    edition,
    item_token,
    new_item,
    reason,
)
from notifier.digests.sample_studies import STUDIES
from notifier.settings import Settings


def _seven_changed() -> list[Item]:
    kinds = [(OPENED,), STOPPED, (LATER,), (MORE_PLACES,), EVERYTHING, (SUMMARY,)]
    return [
        changed_item(number, *kinds[number % 6], card=CARD if number % 2 else None) for number in range(1, 8)
    ]


def _twelve() -> Iterator[Item]:
    """Each study is another one; the last four have no card."""
    changes = [STOPPED, (OPENED,), (LATER,), (MORE_PLACES,), (SUMMARY,)]
    choices = [reason("condition", CONDITION, 1), reason("condition", "Throat Tumor", 1)]
    for number, study in enumerate(STUDIES):
        card = Card(study.question, study.summary) if number < 8 else None
        told = {"briefTitle": study.title, "briefSummary": study.summary, "phases": list(study.phases)}
        if number < len(changes):
            status = "TERMINATED" if changes[number] is STOPPED else "RECRUITING"
            yield changed_item(number + 1, *changes[number], card=card, overallStatus=status, **told)
        else:
            yield new_item(number + 1, choices[number % 2], card=card, **told)


SAMPLES: dict[str, EditionContent] = {
    "one-change": edition(changed_item(1, OPENED, card=CARD)),
    "twelve": edition(*_twelve()),
    "many-changes": edition(changed_item(1, *EVERYTHING, card=CARD)),
    "stopped": edition(changed_item(1, *STOPPED, overallStatus="TERMINATED")),
    "ended": edition(changed_item(1, COMPLETED, REACHED, overallStatus="COMPLETED", card=CARD)),
    "new-with-card": edition(new_item(1, card=FULL_CARD)),
    "new-without-card": edition(
        new_item(1, overallStatus="NOT_YET_RECRUITING", locationCount=0, locationsByCountry=[])
    ),
    "both": edition(
        changed_item(1, *STOPPED, overallStatus="TERMINATED"),
        changed_item(2, LATER, MORE_PLACES, card=CARD),
        new_item(3, card=CARD),
        new_item(4, reason("condition", CONDITION, 4)),
        new_item(5, reason("condition", "Throat Tumor", 1), reason("condition", CONDITION, 3)),
    ),
    "long": edition(
        *_seven_changed(), *(new_item(number, card=CARD if number % 2 else None) for number in range(90))
    ),
    "titles": edition(changed_item(1, OPENED, card=CARD), new_item(2), titles_in_subject=True),
}

WISHES = (
    Wish("Sunvertinol With Radiation in Adults With Throat Tumors", "NCT05000001"),
    Wish("", "NCT05000002"),
    Wish(CONDITION),
    Wish("Throat Tumor"),
)
LETTERS: dict[str, LetterContent] = {
    "confirm": LetterContent("confirm", "en", WISHES, "weekly"),
    "confirm-much": LetterContent(
        "confirm", "en", tuple(Wish(f"Condition {n}") for n in range(60)), "immediate"
    ),
    "confirm-typed": LetterContent("confirm", "en", (Wish(CONDITION), Wish(), Wish()), "daily"),
    "already": LetterContent("already", "en", WISHES, "daily"),
    "welcome": LetterContent("welcome", "en", WISHES, "weekly"),
    "manage_link": LetterContent("manage_link", "en"),
    "stopped": LetterContent("stopped", "en"),
}

CORRECTIONS: dict[str, CorrectionContent] = {
    "correction": CorrectionContent(
        "correction",
        "en",
        """Our email of 20 November said that a study is open. That was wrong: it has not opened yet.

You can read about it here:

https://studies.example.org/NCT05000001

We have found out why this went wrong, and have mended it.""",
    ),
    "withdrawn": CorrectionContent(
        "withdrawn",
        "en",
        "The study was listed by mistake. It never began, so there is nothing to tell of it.",
    ),
}

MAILS: dict[str, EditionContent | LetterContent | CorrectionContent] = {
    **{f"digest-{name}": content for name, content in SAMPLES.items()},
    **{f"letter-{name.replace('_', '-')}": letter for name, letter in LETTERS.items()},
    **{f"correction-{name}": correction for name, correction in CORRECTIONS.items()},
}


def render_sample(name: str, settings: Settings, locale: str = "en") -> RenderedMail:
    """Raises KeyError for a name that is not in MAILS."""
    content = MAILS[name]
    if isinstance(content, LetterContent):
        return render_letter(replace(content, locale=locale), settings)
    if isinstance(content, CorrectionContent):
        return render_correction(replace(content, locale=locale), settings)
    return render(replace(content, locale=locale), settings, item_token)
