"""Months, as people count them."""

from calendar import monthrange
from datetime import datetime


def months_later(moment: datetime, months: int) -> datetime:
    """The same day some months on; the last day of a month that is too short for it."""
    year, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + year, month + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
