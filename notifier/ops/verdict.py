"""One sentence for a look at three in the morning: do people get their mail?"""

from dataclasses import dataclass

from notifier.ops.mail import due_mails
from notifier.ops.numbers import Numbers
from notifier.ops.troubles import Trouble, troubles


@dataclass(frozen=True)
class Verdict:
    """`troubles`, the worst first, each with the name of an alert and so of a runbook."""

    words: str
    troubles: list[Trouble]
    paused: bool  # by an operator, which is no trouble

    @property
    def is_well(self) -> bool:
        return not self.troubles


def verdict(numbers: Numbers) -> Verdict:
    found = troubles(numbers)
    paused = "paused" in numbers.brakes
    return Verdict(found[0].words if found else _quiet(numbers), found, paused)


def _quiet(numbers: Numbers) -> str:
    waiting = f"{mails(due_mails(numbers.open))} due"
    if "paused" in numbers.brakes:
        return f"An operator paused all sending ({numbers.brakes['paused']}); {waiting}."
    if "throttled" in numbers.brakes:
        return f"All is well. The provider asked us to wait a moment; {waiting}."
    return (
        f"All is well: {waiting}, and mail goes out."
        if due_mails(numbers.open)
        else "All is well. No mail waits."
    )


def mails(count: int) -> str:
    return "1 mail" if count == 1 else f"{count:,} mails"
