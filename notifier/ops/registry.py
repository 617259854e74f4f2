"""Ask the registry, and write down that it was asked and read: where nobody does it, no number about the mail tells."""

import time
from collections.abc import Callable
from datetime import date, datetime

from sqlalchemy import Engine

from notifier.ops.heartbeat import POLL, POLL_ASKED, beat
from notifier.registry.api import Pause, RegistryApi
from notifier.registry.poll import PollResult, Tell, poll
from notifier.settings import Settings
from notifier.subscriptions.followed import followed_after


def ask_registry(
    engine: Engine,
    settings: Settings,
    *,
    clock: Callable[[], datetime],
    attempts: int,
    since: date | None = None,
    until: datetime | None = None,
    joins: bool = True,
    on_rejection: Tell | None = None,
    pause: Pause = time.sleep,
) -> PollResult:
    """As `poll`; `attempts` is how often one question is asked. Raises RegistryError."""
    api = RegistryApi(settings.registry_api_url, attempts=attempts, pause=pause)
    beat(engine, now=clock(), name=POLL_ASKED)  # before it, so that a process that dies of it is missed
    result = poll(
        engine,
        api,
        followed_after,
        clock=clock,
        since=since,
        until=until,
        joins=joins,
        on_rejection=on_rejection,
    )
    if result.state == "over":
        beat(engine, now=clock(), name=POLL)
    return result
