"""One sentence for a look at three in the morning: do people get their mail?"""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta

from notifier.ops.heartbeat import QUEUES
from notifier.ops.mail import due_mails, mails_ended
from notifier.ops.numbers import Numbers
from notifier.ops.troubles import Trouble, troubles

HOUR = timedelta(hours=1)
WAITING = {
    "sending": "with a worker",
    "planned": "planned for later",
    "retrying": "to be tried again",
    "unknown": "in doubt",
}
NAMED = 2
"""Paused runs that are named; of more the sentence would be none."""


@dataclass(frozen=True)
class Verdict:
    """`troubles`, the worst first, each with the name of an alert and so of a runbook."""

    words: str
    troubles: list[Trouble]
    paused: bool  # by an operator, which is no trouble
    unseen: bool  # nobody has served some queue yet, nor is that late: nobody knows

    @property
    def is_well(self) -> bool:
        return not self.troubles and not self.unseen


def verdict(numbers: Numbers) -> Verdict:
    found = troubles(numbers)
    paused = "paused" in numbers.brakes
    unseen = [queue for queue in QUEUES if queue not in numbers.beats]
    told = found[0].words if found else _unseen(numbers, unseen) if unseen else _quiet(numbers)
    return Verdict(told, found, paused, bool(unseen))


def _unseen(numbers: Numbers, queues: list[str]) -> str:
    whose = "" if len(queues) == len(QUEUES) else f" for {' and '.join(queues)}"
    minutes = max(int((numbers.at - numbers.installed_at) / timedelta(minutes=1)), 0)
    when = f"{minutes} min ago" if minutes else "a moment ago"
    seen = f"no worker{whose} has been seen since Notifier was set up {when}"
    return f"Nothing has answered yet: {seen}; {_waiting(numbers)}."


def _quiet(numbers: Numbers) -> str:
    due, waiting = due_mails(numbers.open), _waiting(numbers)
    if "paused" in numbers.brakes:
        age = numbers.at - numbers.brakes_since["paused"]
        when = f" {int(age / HOUR)} h ago" if age >= HOUR else ""
        return f"An operator paused all sending{when} ({numbers.brakes['paused']}); {waiting}."
    if "throttled" in numbers.brakes:
        return f"All is well. The provider asked us to wait a moment; {waiting}."
    if not numbers.open:
        return "All is well. No mail waits."
    if not due:
        return f"All is well: {waiting}."
    if mails_ended(numbers.ended, "accepted", "5m"):
        return f"All is well: {waiting}, and mail goes out."
    return f"All is well: {waiting}; none went out in the last 5 minutes."


def _waiting(numbers: Numbers) -> str:
    """All mail that has not ended: due, on its way, put off, in doubt, held."""
    of = Counter[str]()
    for row in numbers.open:
        if not row.due and not (row.held and row.state in ("planned", "retrying")):
            of[row.state] += row.mails
    due = due_mails(numbers.open)
    parts = [f"{mails(due)} due" if due else "no mail due"]
    parts += [f"{of[state]:,} {words}" for state, words in WAITING.items() if of[state]]
    parts += [f"{run.mails:,} held with the paused run {run.key}" for run in numbers.held[:NAMED]]
    if rest := sum(run.mails for run in numbers.held[NAMED:]):
        parts.append(f"{rest:,} held with other paused runs")
    return ", ".join(parts)


def mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count:,} mails"
