"""Small pieces of wording that several pages share."""

import tomllib
from datetime import timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any
from zoneinfo import available_timezones

from notifier.digests.vocabulary import WORDS as MAIL_WORDS
from notifier.languages.language import Language
from notifier.languages.messages import Message
from notifier.links.addresses import BadAddress

WORDS: dict[str, Any] = tomllib.loads((files("notifier.web") / "words.toml").read_text("utf-8"))
OFTEN = {frequency: Message(words) for frequency, words in MAIL_WORDS["frequencies"].items()}
"""How often, inside a sentence."""
_PARTS_OF_DAY = ((5, "night"), (12, "morning"), (18, "afternoon"), (22, "evening"), (24, "night"))


def frequency_words(language: Language) -> dict[str, str]:
    """How often, as the name of a choice."""
    return {frequency: language.gettext(words) for frequency, words in WORDS["frequencies"].items()}


def hour_words(hour: int, language: Language) -> str:
    """ "8 in the morning (8:00)"."""
    part = {0: "midnight", 12: "noon"}.get(hour) or next(part for end, part in _PARTS_OF_DAY if hour < end)
    return language.gettext(WORDS["hours"][part], hour=language.number(hour % 12), time=f"{hour}:00")


@lru_cache(64)
def zone_groups(language: Language) -> dict[str, list[tuple[str, str]]]:
    """{region: [(zone, its name for people)]}, without the names that are kept for old programs only."""
    groups: dict[str, dict[str, str]] = {}
    for zone in sorted(available_timezones()):
        region, _, place = zone.partition("/")
        if region in WORDS["regions"] and place:
            name = language.city(zone) or place.replace("_", " ").replace("/", ", ")
            groups.setdefault(region, {}).setdefault(name, zone)  # a place that has two names has one here
    return {
        language.gettext(WORDS["regions"][region]): [(zone, name) for name, zone in sorted(places.items())]
        for region, places in groups.items()
    }


def quiet_words(interval: timedelta, language: Language) -> str:
    """What "as it happens" means where mails are gathered for `interval`."""
    minutes = int(interval.total_seconds()) // 60
    unit, count = ("minutes", minutes) if minutes < 60 else ("hours", round(minutes / 60))
    words = WORDS["quiet"][unit]
    return language.ngettext(words["one"], words["many"], count)


def address_reason(error: BadAddress) -> Message:
    """Why an address is refused, as a whole sentence: those of the table are in the catalogue."""
    return Message(f"Your email address {str(error).replace('%', '%%')}")
