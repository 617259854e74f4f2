"""What a study is, line by line: its status, phase, places and size."""

from collections.abc import Sequence
from typing import Any

from notifier.digests.content import Item, Snapshot
from notifier.digests.text import clean
from notifier.digests.vocabulary import WORDS, code_words, phase_words, status_words
from notifier.languages.language import Language
from notifier.registry.thresholds import OPEN_STATUSES

COUNTRIES = 3  # named, those with most places

Fact = tuple[str, str]
"""A label and what stands behind it."""


def new_facts(study: Snapshot, language: Language) -> list[Fact]:
    about = [(language.gettext("About"), _conditions(study, language))] if study.get("conditions") else []
    return [
        *about,
        *_status(study, language),
        *_design(study, language),
        _places(study, language),
        *_people(study, language),
    ]


def changed_facts(item: Item, language: Language) -> list[Fact]:
    """What the reader may have forgotten, and no fact that is told as a change."""
    changed = {change["field"] for change in item.changes}
    status = [] if "overallStatus" in changed else _status(item.study, language)
    design = [] if "phases" in changed else _design(item.study, language)
    return [*status, *design, _places(item.study, language)]


def _status(study: Snapshot, language: Language) -> list[Fact]:
    if not study.get("overallStatus"):
        return []
    return [(language.gettext("Status"), status_words(study["overallStatus"], language))]


def _design(study: Snapshot, language: Language) -> list[Fact]:
    if study.get("phases"):
        return [(language.gettext("Phase"), phase_words(study["phases"], language))]
    if study.get("studyType"):
        return [(language.gettext("Kind"), code_words(WORDS["study_types"], study["studyType"], language))]
    return []


def _people(study: Snapshot, language: Language) -> list[Fact]:
    enrollment = study.get("enrollment") or {}
    return [(language.gettext("People"), _size(enrollment, language))] if enrollment.get("count") else []


def _size(enrollment: Any, language: Language) -> str:
    count = enrollment["count"]
    number = language.number(count) if isinstance(count, int) else clean(count, 60)
    if enrollment.get("type") == "ESTIMATED":
        return language.gettext("%(number)s planned", number=number)
    return number


def _places(study: Snapshot, language: Language) -> Fact:
    return language.gettext("Places"), _how_many_places(study, language)


def _how_many_places(study: Snapshot, language: Language) -> str:
    count, countries = study.get("locationCount") or 0, study.get("locationsByCountry") or []
    if not count:
        may_come = study.get("overallStatus") in OPEN_STATUSES
        return language.gettext("Not named yet") if may_come else language.gettext("Not named")
    number = language.number(count)
    if not countries:
        return number
    named = [f"{clean(country, 60)} {language.number(places)}" for country, places in countries]
    return language.gettext("%(number)s. %(countries)s", number=number, countries=_countries(named, language))


def _countries(named: Sequence[str], language: Language) -> str:
    """`France 8, Italy 3, Spain 1`, and how many more countries."""
    first, more = language.series(named[:COUNTRIES]), len(named) - COUNTRIES
    if more <= 0:
        return first
    return language.ngettext(
        "%(countries)s and %(num)s more country",
        "%(countries)s and %(num)s more countries",
        more,
        countries=first,
    )


def _conditions(study: Snapshot, language: Language) -> str:
    names = [clean(name, 80) for name in study.get("conditions") or []]
    return language.abridged(names[:3], len(names) - 3) if len(names) > 4 else language.listed(names)
