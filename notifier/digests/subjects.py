"""The lines that show on a locked screen. They count, and name nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from notifier.digests.cards import has_just_ended, is_followed, title
from notifier.digests.content import Item
from notifier.digests.text import shorten
from notifier.digests.vocabulary import TOPICS, WORDS, counted
from notifier.digests.words import weight
from notifier.languages.language import Language

SUBJECT_LIMIT = 76
PREHEADER_LIMIT = 90
SHORT_PREHEADER = 40
KEPT = 1024  # counts come again and again


def headline(items: Sequence[Item], language: Language) -> str:
    """`1 update to a study you follow`, `4 new studies for you`, `5 updates: 2 changes, 3 new studies`."""
    if is_ending(items):
        return language.gettext("A study you follow has ended")
    changed = sum(map(is_followed, items))
    return _headline(changed, len(items) - changed, language)


@lru_cache(KEPT)
def _headline(changed: int, new: int, language: Language) -> str:
    if not new:
        return language.ngettext(
            "%(num)s update to a study you follow", "%(num)s updates to studies you follow", changed
        )
    if not changed:
        return language.ngettext("%(num)s new study for you", "%(num)s new studies for you", new)
    return language.gettext(
        "%(updates)s: %(changes)s, %(studies)s",
        updates=_updates(changed + new, language),
        changes=language.ngettext("%(num)s change", "%(num)s changes", changed),
        studies=_new_studies(new, language),
    )


def is_ending(items: Sequence[Item]) -> bool:
    """All there is to say is that one study has ended: it has a mail of its own."""
    return len(items) == 1 and has_just_ended(items[0])


def _updates(count: int, language: Language) -> str:
    return language.ngettext("%(num)s update", "%(num)s updates", count)


def _new_studies(count: int, language: Language) -> str:
    return language.ngettext("%(num)s new study", "%(num)s new studies", count)


def subject(items: Sequence[Item], language: Language, *, with_titles: bool) -> str:
    """With titles only for a person who chose so."""
    if not with_titles:
        return headline(items, language)
    news = headline(items, language) if is_ending(items) else _counted_news(items, language)
    room = SUBJECT_LIMIT - len(_titled(news, "", language))
    return _titled(news, shorten(title(items[0]), room), language)


def _counted_news(items: Sequence[Item], language: Language) -> str:
    is_new = len(items) == 1 and not is_followed(items[0])
    return _new_studies(1, language) if is_new else _updates(len(items), language)


def _titled(news: str, title: str, language: Language) -> str:
    return language.gettext("%(news)s: %(title)s", news=news, title=title)


def preheader(items: Sequence[Item], language: Language) -> str:
    """The weightiest kinds of news, counted: `One study has stopped. Four studies have new dates.`"""
    if is_ending(items):
        return " ".join(language.gettext(WORDS["news"][one]) for one in ("ended", "more"))
    followed = [item for item in items if is_followed(item)]
    new = [item for item in items if not is_followed(item)]
    is_open = sum([item.study.get("overallStatus") == "RECRUITING" for item in new])
    weights = tuple(sorted([min(map(weight, item.changes)) for item in followed]))
    return _preheader(weights, len(new), is_open, language)


@lru_cache(KEPT)
def _preheader(weights: tuple[int, ...], new: int, is_open: int, language: Language) -> str:
    told = Counter(weights)
    lines = [_counted(WORDS["topics"][TOPICS[number]], told[number], language) for number in told]
    if new:
        lines.append(_new_line(new, is_open, language))
    return _fit(lines, language)


def _new_line(new: int, is_open: int, language: Language) -> str:
    if not is_open:
        return _counted(WORDS["news"]["none_open"], new, language)
    if new == 1:
        return language.gettext(WORDS["news"]["only_one_open"])
    return _counted(WORDS["news"]["open"], is_open, language)


def _counted(words: Mapping[str, str], count: int, language: Language) -> str:
    return counted(words, count, language, count=_number(count, language))


def _number(count: int, language: Language) -> str:
    numbers = WORDS["counts"]
    return language.gettext(numbers[count - 1]) if 1 <= count <= len(numbers) else language.number(count)


def _fit(lines: Sequence[str], language: Language) -> str:
    text = lines[0]
    for line in lines[1:]:
        if len(text) + 1 + len(line) <= PREHEADER_LIMIT:
            text = f"{text} {line}"
    return text if len(text) >= SHORT_PREHEADER else f"{text} {language.gettext(WORDS['news']['more'])}"
