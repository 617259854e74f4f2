"""Small pieces of wording that several pages share."""

from calendar import day_name, month_name
from datetime import date, timedelta
from functools import cache
from zoneinfo import available_timezones

FREQUENCY_WORDS = {"immediate": "As it happens", "daily": "Once a day", "weekly": "Once a week"}
WEEKDAYS = tuple(day_name)
_REGIONS = [
    "Africa",
    "America",
    "Antarctica",
    "Arctic",
    "Asia",
    "Atlantic",
    "Australia",
    "Europe",
    "Indian",
    "Pacific",
]
_PARTS_OF_DAY = (
    (5, "at night"),
    (12, "in the morning"),
    (18, "in the afternoon"),
    (22, "in the evening"),
    (24, "at night"),
)


def long_date(day: date) -> str:
    """ "20 November 2026"."""
    return f"{day.day} {month_name[day.month]} {day.year}"


def hour_words(hour: int) -> str:
    """ "8 in the morning (8:00)": half of the world counts to 12, the other half to 24."""
    if hour in (0, 12):
        return f"{'noon' if hour else 'midnight'} ({hour}:00)"
    part = next(words for end, words in _PARTS_OF_DAY if hour < end)
    return f"{hour % 12} {part} ({hour}:00)"


@cache
def zone_groups() -> dict[str, list[tuple[str, str]]]:
    """{region: [(zone, its name for people)]}, without the names that are kept for old programs only."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(available_timezones()):
        region, _, place = zone.partition("/")
        if region in _REGIONS and place:
            groups.setdefault(region, []).append((zone, place.replace("_", " ").replace("/", ", ")))
    return groups


def quiet_words(interval: timedelta) -> str:
    """What "as it happens" means where mails are gathered for `interval`."""
    minutes = int(interval.total_seconds()) // 60
    if minutes < 60:
        return f"At most one email in {minutes} minutes"
    hours = round(minutes / 60)
    return "At most one email an hour" if hours == 1 else f"At most one email in {hours} hours"
