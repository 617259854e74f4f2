"""What is wrong just now, in words, the worst first. Each trouble has the name of an alert, and so a runbook.

These are the heartbeats: that mail which is due goes out, that each run came, that scheduler and workers live.
They are judged by age alone, so that one look is enough; rates are for Prometheus (docs/ops/alerts.yml).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from notifier.delivery.models import OF_RUNS
from notifier.ops.heartbeat import FUTURE, MAIN_QUEUE, POLL_OVERDUE, QUEUES
from notifier.ops.mail import OpenMail, mails_ended, many_failed, oldest_letters
from notifier.ops.numbers import Numbers

LETTER_LATE = timedelta(minutes=15)
RUN_MISSING = timedelta(hours=2)
EVENT_STUCK = timedelta(minutes=30)
UNDELIVERED = timedelta(hours=24)
BEAT_SILENT = timedelta(minutes=15)
STALLED = timedelta(minutes=30)
LONG_THROTTLED = timedelta(hours=2)
IN_DOUBT = timedelta(hours=2)
FORGOTTEN = timedelta(hours=24)
"""An operator's pause that is older than this."""
MANY = 20
LEAVING_FAILED = timedelta(minutes=10)


@dataclass(frozen=True)
class Trouble:
    alert: str
    words: str
    calls: bool = True  # somebody, now: the watcher outside is not told that all is well


def troubles(numbers: Numbers) -> list[Trouble]:
    """Only what hurts people and needs somebody; an empty list means that all is well."""
    away = "away" in numbers.brakes
    found = [
        *([Trouble("DatabaseAway", f"Nothing is sent: {numbers.brakes['away']}.")] if away else []),
        *_silence(numbers),
        *_brakes(numbers),
        *_failures(numbers),
        # One line for one cause.
        *([] if away else [*_late_mail(numbers), *_late_runs(numbers), *_unasked(numbers)]),
        *_pauses(numbers),
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
    """An operator's own pause is no trouble before it is forgotten, and a throttle ends by itself."""
    for name, alert, told in (
        ("breaker", "ProviderAuthFailing", "Sending is stopped"),
        ("unwelcome", "SendingHeld", "Digests are held"),
    ):
        if name in numbers.brakes:
            yield Trouble(alert, f"{told}: {_plainly(numbers.brakes[name])}.")


def _failures(numbers: Numbers) -> Iterator[Trouble]:
    """What failed stays a trouble for a day, or until it is sent again or given up; it calls while more of it fails."""
    if found := many_failed(numbers.ended, "1d"):
        share = f"{found.failed / (found.failed + found.sent):.0%}".replace("%", " %")
        words = f"{_mails(found.failed)} failed for good within a day: {share} of {found.of} that were tried."
        yield Trouble("DeliveriesFailed", words, calls=many_failed(numbers.ended, "1h") is not None)
    day = next(one for one in numbers.reported if one.window == "1d")
    if day.turned_away >= MANY and day.turned_away > day.delivered:
        words = f"Mailboxes or the provider turned {_mails(day.turned_away)} away within a day"
        yield Trouble("BounceRate", f"{words}, and {day.delivered:,} were delivered.", calls=False)
    doubtful = [row for row in numbers.open if row.state == "unknown"]
    since = min((row.tried_since for row in doubtful), default=numbers.at)
    if numbers.at - since > IN_DOUBT:
        words = (
            f"{_mails(sum(row.mails for row in doubtful))} in doubt: nobody knows whether they were accepted."
        )
        yield Trouble("DeliveriesUnknown", words, calls=False)


def _pauses(numbers: Numbers) -> Iterator[Trouble]:
    paused = numbers.brakes_since.get("paused")
    if paused and numbers.at - paused > FORGOTTEN:
        told = f"An operator paused all sending {_ago(paused, numbers.at)} ({numbers.brakes['paused']})"
        yield Trouble("SendingHeld", f"{told}, and nobody has resumed it.")
    for run in numbers.held:
        if numbers.at - run.since > FORGOTTEN:
            told = f"{_mails(run.mails)} held with the run {run.key}, paused {_ago(run.since, numbers.at)}."
            yield Trouble("SendingHeld", told, calls=False)


def _plainly(reason: str) -> str:
    """The provider's own words are no help to whoever does not know its codes."""
    return f"the provider refuses our key ({reason})" if reason.startswith("HTTP 401") else reason


def _late_mail(numbers: Numbers) -> Iterator[Trouble]:
    """Letters and digests apart: one that moves says nothing of the other."""
    letters = oldest_letters(numbers.open, numbers.at).values()
    free = "paused" not in numbers.brakes and "breaker" not in numbers.brakes  # each has a line of its own
    if free and letters and numbers.at - min(letters) > LETTER_LATE:
        asked = _ago(min(letters), numbers.at)
        yield Trouble("ConfirmEmailsLate", f"A letter that somebody waits for was asked for {asked}.")
    digests = [row for row in numbers.open if row.mail in OF_RUNS and not row.held]
    waiting = _waiting(digests)
    if waiting and numbers.at - min(waiting) > STALLED and _idle(numbers, digests):
        yield Trouble(
            "SendingStalled", f"Digests were due {_ago(min(waiting), numbers.at)}, and none goes out."
        )
    since = min((row.open_since for row in digests), default=numbers.at)
    if numbers.at - since > UNDELIVERED and "paused" not in numbers.brakes:
        planned = _ago(since, numbers.at)
        yield Trouble("EventUndelivered", f"A digest was planned {planned}, and somebody has not got it.")


def _idle(numbers: Numbers, digests: list[OpenMail]) -> bool:
    """None went out, and no brake says why. A throttle does, but not for hours."""
    if mails_ended((row for row in numbers.ended if row.mail in OF_RUNS), "accepted", "30m"):
        return False
    if numbers.brakes.keys() - {"throttled"}:
        return False
    since = min(row.open_since for row in digests if row.state != "unknown")
    return "throttled" not in numbers.brakes or numbers.at - since > LONG_THROTTLED


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


def _unasked(numbers: Numbers) -> Iterator[Trouble]:
    """All is well with the mail, and yet nobody would hear of anything."""
    since = numbers.registry_unread_since
    if since and numbers.at - since > POLL_OVERDUE:
        told = (
            f"was last read {_ago(since, numbers.at)}"
            if numbers.polled_at
            else "has never been read to the end"
        )
        yield Trouble(
            "PollOverdue", f"The registry {told}: nobody hears of what has changed since.", calls=False
        )


def _failed_links(numbers: Numbers) -> Iterator[Trouble]:
    failed = numbers.tallies.get(("unsubscribe", "failed"))
    if failed and numbers.at - failed.written_at < LEAVING_FAILED:
        yield Trouble("UnsubscribeFailing", "Somebody could not unsubscribe, as the page failed.")


def _mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count:,} mails"


def _ago(moment: datetime | None, now: datetime) -> str:
    return f"{_long(now - moment)} ago" if moment else "never"


def _long(age: timedelta) -> str:
    if age >= timedelta(days=3):
        return f"{age.days} days"
    hours, minutes = divmod(int(age.total_seconds()) // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
