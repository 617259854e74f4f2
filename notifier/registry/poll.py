"""Asking the registry itself."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, Engine, text

from notifier.registry.api import Pause, RegistryApi
from notifier.registry.intake import IntakeResult, take_in
from notifier.registry.records import RawRecord
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
    pause: Pause = time.sleep,
) -> PollResult:
    """Take in all that was posted on or after `since`.

    First sights make an event if they were first posted on or after `announce_since`.
    Raises NotifierError when the registry does not answer, or refuses; what was read before is stored.
    """
    api = RegistryApi(settings.registry_api_url, pause)
    data_timestamp = api.data_timestamp()
    intake = take_in(engine, _records(api, since), since=announce_since, now=now)
    return PollResult(data_timestamp, intake)


def last_posting_day(conn: Connection) -> date | None:
    """The latest posting date that is stored: where a poll may begin. None where there is no study."""
    day: date | None = conn.scalar(text("SELECT max(updated_on) FROM studies"))
    return day


def _records(api: RegistryApi, since: date) -> Iterator[RawRecord]:
    for number, page in enumerate(api.posted_since(since), 1):
        for place, study in enumerate(page, 1):
            yield RawRecord(f"registry page {number}", place, study)
