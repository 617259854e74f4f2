"""What a correction comes to, in sentences: before it is done, and after."""

from notifier.delivery.corrections import PlannedCorrection
from notifier.delivery.resending import Resent
from notifier.delivery.withdrawals import Withdrawn

_WHY_LEFT = {
    "erased": "erased",
    "suppressed": "on the do-not-mail list",
    "stopped": "stopped",
    "changed": "stopped something it is about, or asked for it anew since",
    "arrived": "taken by the provider after all",
}


def failed_words(found: Resent) -> str:
    words = (
        f"It failed for {_people(found.people)} in {_count(found.editions, 'edition')} who can get it now."
    )
    if found.left:
        left = ", ".join(f"{people:,} {_WHY_LEFT[why]}" for why, people in found.left.items())
        words += f" {sum(found.left.values()):,} others do not get it: {left}."
    return words


def reader_words(planned: PlannedCorrection) -> str:
    words = [f"This is for {_people(planned.people)}."]
    if skipped := planned.suppressed + planned.stopped:
        words.append(
            f"{skipped:,} of them will be left out: {planned.suppressed:,} on the do-not-mail list, "
            f"{planned.stopped:,} stopped."
        )
    if planned.already:
        words.append(f"{_people(planned.already)} had it before.")
    if planned.in_doubt:
        words.append(
            f"{_people(planned.in_doubt)} may have got the wrong mail and are left out; --with-doubt writes to them."
        )
    if planned.on_its_way:
        words.append(
            f"For {_people(planned.on_its_way)} the wrong mail is still on its way: drop it, or repeat this once it "
            "has gone."
        )
    if planned.earlier:
        words.append(f"These readers got {_count(planned.earlier, 'other correction')} before.")
    return " ".join(words)


def follower_words(found: Withdrawn) -> str:
    return (
        f"{_people(found.people)} followed this, {found.with_nothing_else:,} of them nothing else. "
        f"Queued digests about it that are held back: {found.held_back:,}."
    )


def _people(count: int) -> str:
    return "1 person" if count == 1 else f"{count:,} people"


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count:,} {what}s"
