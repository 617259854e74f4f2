"""What is wrong just now, in words, the worst first. Each trouble has the name of an alert, and so a runbook.

These are the heartbeats: that mail which is due goes out, that each run came, that scheduler and workers live.
They are judged by age alone, so that one look is enough; rates are for Prometheus (docs/ops/alerts.yml).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.delivery.models import OF_RUNS
from notifier.ops.heartbeat import FUTURE, MAIN_QUEUE, QUEUES
from notifier.ops.mail import OpenMail, mails_ended
from notifier.ops.numbers import Numbers

LETTER_LATE = timedelta(minutes=15)
RUN_MISSING = timedelta(hours=2)
EVENT_STUCK = timedelta(minutes=30)
UNDELIVERED = timedelta(hours=24)
BEAT_SILENT = timedelta(minutes=15)
STALLED = timedelta(minutes=30)
MANY = 20
LEAVING_FAILED = timedelta(minutes=10)


@dataclass(frozen=True)
class Trouble:
    alert: str
    words: str


def troubles(numbers: Numbers) -> list[Trouble]:
    """Only what hurts people and needs somebody; an empty list means that all is well."""
    away = "away" in numbers.brakes
    found = [
        *([Trouble("DatabaseAway", f"Nothing is sent: {numbers.brakes['away']}.")] if away else []),
        *_silence(numbers),
        *_brakes(numbers),
        *([] if away else [*_late_mail(numbers), *_late_runs(numbers)]),  # one line for one cause
        *_failed_links(numbers),
    ]
    if numbers.tracked:
        found.append(
            Trouble("TrackingOn", "The provider tracks who opens our mail. It must be switched off.")
        )
    return found


def _silence(numbers: Numbers) -> Iterator[Trouble]:
    main = numbers.seen(MAIN_QUEUE)
    last = {queue: _ago(numbers.beats.get(queue), numbers.at) for queue in QUEUES}
    if numbers.at - main > BEAT_SILENT:
        yield Trouble("BeatSilent", f"Scheduler or workers are silent; last seen {last[MAIN_QUEUE]}.")
    ahead = max((seen - numbers.at for seen in numbers.beats.values()), default=timedelta(0))
    if ahead > FUTURE:
        yield Trouble("BeatSilent", f"A worker's clock is {_long(ahead)} ahead, and would hide its silence.")
    for queue in QUEUES:
        seen = numbers.seen(queue)
        if numbers.at - seen > BEAT_SILENT and main - seen > BEAT_SILENT / 2:
            yield Trouble("WorkersDown", f"Nobody serves the queue {queue}; last seen {last[queue]}.")


def _brakes(numbers: Numbers) -> Iterator[Trouble]:
    """An operator's own pause is no trouble, and a throttle ends by itself."""
    for name, alert in (("breaker", "ProviderAuthFailing"), ("unwelcome", "SendingHeld")):
        if name in numbers.brakes:
            yield Trouble(alert, f"Sending is stopped: {_plainly(numbers.brakes[name])}.")


def _plainly(reason: str) -> str:
    """The provider's own words are no help to whoever does not know its codes."""
    return f"the provider refuses our key ({reason})" if reason.startswith("HTTP 401") else reason


def _late_mail(numbers: Numbers) -> Iterator[Trouble]:
    rows = [row for row in numbers.open if not row.held]
    letters = [row.due_since for row in rows if row.mail not in OF_RUNS and row.due]
    free = "paused" not in numbers.brakes and "breaker" not in numbers.brakes  # each has a line of its own
    if free and letters and numbers.at - min(letters) > LETTER_LATE:
        yield Trouble(
            "ConfirmEmailsLate", f"A letter that somebody waits for was due {_ago(min(letters), numbers.at)}."
        )
    waiting = _waiting(rows)
    idle = not mails_ended(numbers.ended, "accepted", "30m") and not numbers.brakes
    if waiting and numbers.at - min(waiting) > STALLED and idle:
        yield Trouble("SendingStalled", f"Mail was due {_ago(min(waiting), numbers.at)}, and none goes out.")
    digests = [row.open_since for row in rows if row.mail in OF_RUNS]
    if digests and numbers.at - min(digests) > UNDELIVERED and "paused" not in numbers.brakes:
        planned = _ago(min(digests), numbers.at)
        yield Trouble("EventUndelivered", f"A digest was planned {planned}, and somebody has not got it.")


def _waiting(rows: list[OpenMail]) -> list[datetime]:
    """Since when mail waits that is due; or much that is not, as all of it is put off again and again."""
    moving = [row for row in rows if row.state != "unknown"]
    if sum(row.mails for row in moving) >= MANY:
        return [row.open_since for row in moving]
    return [row.due_since for row in rows if row.due]


def _late_runs(numbers: Numbers) -> Iterator[Trouble]:
    for rhythm in numbers.rhythms:
        late = rhythm.overdue(numbers.at)
        if rhythm.frequency != "immediate" and late > RUN_MISSING:
            yield Trouble("DigestRunMissing", f"A {rhythm.frequency} run is {_long(late)} late.")
        if rhythm.frequency == "immediate" and late > EVENT_STUCK:
            yield Trouble("EventStuck", f"A change came {_long(late)} ago, and no run has covered it.")
    since = numbers.events.unnumbered_since
    if since and numbers.at - since > EVENT_STUCK:
        yield Trouble("EventStuck", f"A change came {_ago(since, numbers.at)}, and no digest can see it.")


def _failed_links(numbers: Numbers) -> Iterator[Trouble]:
    failed = numbers.tallies.get(("unsubscribe", "failed"))
    if failed and numbers.at - failed.written_at < LEAVING_FAILED:
        yield Trouble("UnsubscribeFailing", "Somebody could not unsubscribe, as the page failed.")


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_long(now - moment)} ago" if moment else "never"


def _long(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
