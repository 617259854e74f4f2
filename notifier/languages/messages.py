"""Words that are written where their reader is not known yet: why something is refused, what a button has done."""

from datetime import date

from notifier.languages.catalogue import ENGLISH, language_of
from notifier.languages.language import Language


class Message:
    """`str()` is its English. A value that is a number, a date or a message is told in the reader's language too."""

    __slots__ = ("text", "values")

    def __init__(self, text: str, /, **values: "Value") -> None:
        self.text = text
        self.values = values

    def __str__(self) -> str:
        return self.told(language_of(ENGLISH))

    def told(self, language: Language) -> str:
        return language.gettext(self.text) % {
            name: told_value(value, language) for name, value in self.values.items()
        }


Value = str | int | date | Message


def told_value(value: Value, language: Language) -> str:
    if isinstance(value, Message):
        return value.told(language)
    if isinstance(value, date):
        return language.date(value)
    return language.number(value) if isinstance(value, int) else value
