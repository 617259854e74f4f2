"""What is old enough goes: a little at a time, so that nobody who sends or reads waits for it."""

from collections import Counter, deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine

from notifier.delivery.expiring import Horizon, LedgerExpiry, Place, expire_feedback, expire_runs
from notifier.delivery.expiring_events import empty_events, told_everybody
from notifier.settings import Settings
from notifier.subscriptions.expiring_people import expire_people
from notifier.subscriptions.purging import purge_unconfirmed

RETAIN_EVERY = timedelta(minutes=10)
TURN = timedelta(seconds=5)
"""Then the next turn goes on. At the rate measured (docs/decisions/0024) a day's mail for a million is some turns."""

Chunk = Callable[[], int | None]
"""How many rows went; None when there is nothing more to do for now."""

log = structlog.get_logger()


def retain(
    engine: Engine, settings: Settings, *, clock: Callable[[], datetime], place: Place | None = None
) -> dict[str, int]:
    """{what: how many rows went}. Each chunk is a transaction of its own, and each kind gets one in its turn; after
    `TURN` the rest waits for the next time, and what is passed over goes on at its `place`."""
    now = clock()
    until, gone = now + TURN, Counter[str]()
    waiting = deque(_chunks(engine, settings, now, place or Place()).items())
    while waiting and clock() < until:
        what, chunk = waiting.popleft()
        if (count := chunk()) is not None:
            gone[what] += count
            waiting.append((what, chunk))
    gone = +gone
    if gone:
        log.info("old_rows_gone", **gone)
    return dict(gone)


def _chunks(engine: Engine, settings: Settings, now: datetime, place: Place) -> dict[str, Chunk]:
    def before(days: int) -> datetime:
        return now - timedelta(days=days)

    with engine.connect() as conn:
        horizon = Horizon.at(conn, before(settings.keep_mail_days), now=now)
        up_to = told_everybody(conn, now=now)
    outbox = settings.outbox_path if settings.mail_provider == "outbox" else None
    return {
        "sign_ups": _once(partial(purge_unconfirmed, engine, before(settings.keep_sign_ups_days), now=now)),
        "people": _until_none(partial(expire_people, engine, before(settings.keep_ended_days), now=now)),
        "mail": LedgerExpiry(engine, horizon, place, outbox).chunk,
        "runs": _until_none(partial(expire_runs, engine, horizon)),
        "feedback": _until_none(partial(expire_feedback, engine, before(settings.keep_feedback_days))),
        "events": _until_none(partial(empty_events, engine, before(settings.keep_events_days), up_to)),
    }


def _until_none(work: Callable[[], int]) -> Chunk:
    return lambda: work() or None


def _once(work: Callable[[], int]) -> Chunk:
    """It goes through all of its own chunks by itself, and they are few."""
    left = [work]
    return lambda: left.pop()() if left else None
