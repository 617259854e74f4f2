"""A language: our words in it, and how it writes dates, numbers and lists."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import cached_property, lru_cache
from gettext import NullTranslations
from typing import Literal

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from babel.numbers import format_decimal

_PARTIAL_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-(\d\d))?")
KEPT = 4096


class Language:
    """Equal only to itself, so that it can be part of the key under which its words are kept.

    `locale` is a tag for `lang` attributes. The values of a message stand in it as `%(name)s`.
    """

    def __init__(self, locale: str, translations: NullTranslations) -> None:
        self.locale = locale
        self.translations = translations
        self._cldr = Locale.parse("en-GB" if locale == "en" else locale, sep="-")
        self.direction: Literal["ltr", "rtl"] = "rtl" if self._cldr.text_direction == "rtl" else "ltr"
        self.name = Locale.parse(locale, sep="-").get_display_name() or locale
        self.number: Callable[[int], str] = lru_cache(KEPT)(self._number)
        self._date = lru_cache(KEPT)(self._date_of)

    def __repr__(self) -> str:
        return f"<Language {self.locale}>"

    def gettext(self, message: str, /, **values: object) -> str:
        found = self.translations.gettext(message)
        return found % values if values else found

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """For words that mean one thing here and another there."""
        found = self.translations.pgettext(context, message)
        return found % values if values else found

    def ngettext(self, one: str, many: str, count: int, /, **values: object) -> str:
        """The count itself is `%(num)s`, unless `values` say otherwise."""
        found = self.translations.ngettext(one, many, count)
        return found % {"num": self.number(count), **values}

    def date(self, value: str | date) -> str:
        """A day, a month or a year, such as `2026-11-20`, `2026-11` and `2026`; anything else as it stands."""
        return self._date(value.isoformat()[:10] if isinstance(value, date) else value)

    @cached_property
    def weekdays(self) -> tuple[str, ...]:
        """From Monday on."""
        names = self._cldr.days["stand-alone"]["wide"]
        return tuple(names[day] for day in range(7))

    def city(self, zone: str) -> str:
        """What a time zone is named after; "" where it is as in English."""
        aliases: Mapping[str, str] = get_global("zone_aliases")
        of_old = {_old for _old, new in aliases.items() if new == zone}
        for name in (zone, aliases.get(zone, ""), *of_old):
            if city := self._cldr.time_zones.get(name, {}).get("city"):
                return str(city)
        return ""

    def listed(self, words: Sequence[str]) -> str:
        """`A`, `A and B`, `A, B and C`."""
        return format_list(words, locale=self._cldr) if len(words) > 1 else "".join(words)

    def series(self, words: Sequence[str]) -> str:
        """`A, B, C`: a list that something else ends."""
        pattern: str = self._cldr.list_patterns["standard"]["start"]
        joined = words[0] if words else ""
        for word in words[1:]:
            joined = pattern.format(joined, word)
        return joined

    def abridged(self, words: Sequence[str], more: int) -> str:
        """`A, B and 4 more`; all of a list where nothing is left out."""
        if not more or not words:
            return self.listed(words)
        return self.ngettext(
            "%(names)s and %(num)s more", "%(names)s and %(num)s more", more, names=self.series(words)
        )

    def _number(self, count: int) -> str:
        return format_decimal(count, locale=self._cldr)

    def _date_of(self, text: str) -> str:
        match = _PARTIAL_DATE.fullmatch(text)
        if match is None:
            return text
        year, month, day = match.groups()
        try:
            first = date(int(year), int(month or 1), int(day or 1))
        except ValueError:
            return text
        if day:
            return format_date(first, "long", locale=self._cldr)
        return format_skeleton("yMMMM" if month else "y", first, locale=self._cldr)
