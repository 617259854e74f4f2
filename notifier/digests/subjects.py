"""The lines that show on a locked screen. They count, and name nothing."""

from collections import Counter
from collections.abc import Sequence

from notifier.digests.cards import is_followed, title
from notifier.digests.content import Item
from notifier.digests.text import shorten
from notifier.digests.vocabulary import TOPICS, WORDS
from notifier.digests.words import weight

SUBJECT_LIMIT = 76
PREHEADER_LIMIT = 90
SHORT_PREHEADER = 40
_NUMBERS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


def headline(changed: int, new: int) -> str:
    """`1 update to a study you follow`, `4 new studies for you`, `5 updates: 2 changes, 3 new studies`."""
    if not new:
        return (
            "1 update to a study you follow" if changed == 1 else f"{changed} updates to studies you follow"
        )
    news = f"{new} new {'study' if new == 1 else 'studies'}"
    if not changed:
        return f"{news} for you"
    return f"{changed + new} updates: {changed} change{'' if changed == 1 else 's'}, {news}"


def subject(items: Sequence[Item], *, with_titles: bool) -> str:
    """With titles only for a person who chose so."""
    changed = sum(is_followed(item) for item in items)
    neutral = headline(changed, len(items) - changed)
    if not with_titles:
        return neutral
    count = neutral.partition(":")[0] if len(items) > 1 else "1 update" if changed else "1 new study"
    count = f"{len(items)} updates" if len(items) > 1 else count
    return f"{count}: {shorten(title(items[0]), SUBJECT_LIMIT - len(count) - 2)}"


def preheader(items: Sequence[Item]) -> str:
    """The weightiest kinds of news, counted: `One study has stopped. Four studies have new dates.`"""
    followed = [item for item in items if is_followed(item)]
    told = Counter(min(map(weight, item.changes)) for item in followed)
    lines = [_changed_line(told[number], TOPICS[number]) for number in sorted(told)]
    new = [item for item in items if not is_followed(item)]
    if new:
        lines.append(_new_line(new))
    return _fit(lines)


def _changed_line(count: int, name: str) -> str:
    words = WORDS["topics"][name]
    return (
        f"{_number(count)} {'study' if count == 1 else 'studies'} {words['one' if count == 1 else 'many']}."
    )


def _new_line(new: Sequence[Item]) -> str:
    is_open = sum(item.study.get("overallStatus") == "RECRUITING" for item in new)
    if not is_open:
        return "The new ones are not yet open." if len(new) > 1 else "The new one is not open right now."
    if len(new) == 1:
        return "The new one is looking for people now."
    return f"{_number(is_open)} of the new ones {'is' if is_open == 1 else 'are'} looking for people now."


def _number(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _fit(lines: Sequence[str]) -> str:
    text = lines[0]
    for line in lines[1:]:
        if len(text) + 1 + len(line) <= PREHEADER_LIMIT:
            text = f"{text} {line}"
    return text if len(text) >= SHORT_PREHEADER else f"{text} Read it here in plain words."
