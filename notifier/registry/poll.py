"""Asking the registry itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Engine

from notifier.registry.intake import IntakeResult
from notifier.settings import Settings


@dataclass(frozen=True)
class PollResult:
    """`data_timestamp` is the registry's own, UTC, as it was given."""

    data_timestamp: str
    intake: IntakeResult


def poll(
    settings: Settings,
    engine: Engine,
    since: date,
    now: datetime,
    *,
    announce_since: date,
    pause: Callable[[float], None] = time.sleep,
) -> PollResult:
    """Take in all that was posted on or after `since`. First sights are told if first posted from `announce_since`.

    Raises NotifierError when the registry does not answer, or refuses.
    """
    raise NotImplementedError
