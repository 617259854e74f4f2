"""What is wrong just now, in words, the worst first. Each trouble has the name of an alert, and so a runbook.

These are the heartbeats: that mail which is due goes out, that each run came, that scheduler and workers live.
They are judged by age alone, so that one look is enough; rates are for Prometheus (docs/ops/alerts.yml).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.ops.heartbeat import MAIN_QUEUE
from notifier.ops.mail import OpenMail, mails_ended
from notifier.ops.numbers import Numbers

LETTER_LATE = timedelta(minutes=15)
RUN_MISSING = timedelta(hours=2)
EVENT_STUCK = timedelta(minutes=30)
UNDELIVERED = timedelta(hours=24)
BEAT_SILENT = timedelta(minutes=15)
STALLED = timedelta(minutes=30)
MANY = 20
HOLDING = ("paused", "unwelcome", "throttled", "breaker")


@dataclass(frozen=True)
class Trouble:
    alert: str
    words: str


def troubles(numbers: Numbers) -> list[Trouble]:
    """Only what hurts people and needs somebody; an empty list means that all is well."""
    found = [*_silence(numbers), *_brakes(numbers), *_late_mail(numbers), *_late_runs(numbers)]
    if numbers.tracked:
        found.append(
            Trouble("TrackingOn", "The provider tracks who opens our mail. It must be switched off.")
        )
    return found


def _silence(numbers: Numbers) -> Iterator[Trouble]:
    main = numbers.beats.get(MAIN_QUEUE)
    if main is None or numbers.at - main > BEAT_SILENT:
        yield Trouble("BeatSilent", f"Scheduler or workers are silent; last seen {_ago(main, numbers.at)}.")
    for queue, seen in numbers.beats.items():
        if queue != MAIN_QUEUE and numbers.at - seen > BEAT_SILENT and main and main - seen > BEAT_SILENT / 2:
            yield Trouble("WorkersDown", f"Nobody serves the queue {queue}; last {_ago(seen, numbers.at)}.")


def _brakes(numbers: Numbers) -> Iterator[Trouble]:
    """An operator's own pause is no trouble, and a throttle ends by itself."""
    for name, alert in (("breaker", "ProviderAuthFailing"), ("unwelcome", "SendingHeld")):
        if name in numbers.brakes:
            yield Trouble(alert, f"Sending is stopped: {numbers.brakes[name]}.")


def _late_mail(numbers: Numbers) -> Iterator[Trouble]:
    rows = [row for row in numbers.open if not row.held]
    letters = [row.due_since for row in rows if row.mail != "digest" and row.due]
    if letters and numbers.at - min(letters) > LETTER_LATE:
        yield Trouble(
            "ConfirmEmailsLate", f"A letter that somebody waits for was due {_ago(min(letters), numbers.at)}."
        )
    waiting = _waiting(rows)
    idle = not mails_ended(numbers.ended, "accepted", "30m") and not any(map(numbers.brakes.get, HOLDING))
    if waiting and numbers.at - min(waiting) > STALLED and idle:
        yield Trouble("SendingStalled", f"Mail was due {_ago(min(waiting), numbers.at)}, and none goes out.")
    digests = [row.open_since for row in rows if row.mail == "digest"]
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


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_long(now - moment)} ago" if moment else "never"


def _long(age: timedelta) -> str:
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
