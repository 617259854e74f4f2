"""When a date has moved far enough to be told."""

from calendar import monthrange
from datetime import date

from notifier.db.base import Json
from notifier.registry.thresholds import MOVED_DAYS


def date_moved(before: Json | None, after: Json | None) -> bool:
    """Newly given, gone, become actual, or moved by MOVED_DAYS. 2024-02 and 2024-02-21 are no move."""
    if before is None or after is None:
        return before is not after
    if before["type"] == "ESTIMATED" and after["type"] == "ACTUAL":
        return True
    return far_apart(before["date"], after["date"])


def far_apart(before: str, after: str) -> bool:
    """Compared as finely as both are given: two months differ by their number, not by their days."""
    shared = min(len(before), len(after))
    if before[:shared] == after[:shared]:
        return False
    if len(before) == len(after) < len("2024-02-21") or shared == len("2024"):
        return True
    return abs((_middle(after) - _middle(before)).days) >= MOVED_DAYS


def _middle(text: str) -> date:
    """The day; of a month, its middle."""
    year, month, *day = map(int, text.split("-"))
    return date(year, month, day[0] if day else monthrange(year, month)[1] // 2)
