"""How long a batch waits before it is tried once more, and how long in all."""

import random
from datetime import timedelta

FIRST_DELAY = timedelta(seconds=15)
LONGEST_DELAY = timedelta(hours=1)
LONGEST_OUTAGE = timedelta(days=1)


def delay(attempt: int) -> timedelta:
    """Twice as long each time, with jitter, so that workers do not come back in step."""
    doubled: timedelta = FIRST_DELAY * 2 ** min(attempt - 1, 20)
    return min(doubled, LONGEST_DELAY) * random.uniform(0.5, 1.5)  # noqa: S311
