"""A language as those who use it see it: words, plurals, dates, numbers and lists."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from notifier.errors import NotifierError
from notifier.languages.catalogue import FILE, language_of, locales, read_catalogue
from notifier.languages.messages import Message
from tests.languages.made_up import dropped, found_in, spoken

POLISH = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "%(num)s study"
msgid_plural "%(num)s studies"
msgstr[0] "%(num)s badanie"
msgstr[1] "%(num)s badania"
msgstr[2] "%(num)s badań"

msgid "Stop %(name)s"
msgstr "Zatrzymaj %(nmae)s"

#, fuzzy
msgid "Unsure"
msgstr "Nie wiem"

msgctxt "of a place"
msgid "Open"
msgstr "Otwarte"
"""

GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "%(num)s studies"
msgstr "%(num)s Studien"

msgid "%(words)s until %(day)s: %(name)s"
msgstr "%(name)s: %(words)s bis %(day)s"
"""


def studies(locale: str, count: int) -> str:
    return language_of(locale).ngettext("%(num)s study", "%(num)s studies", count)


def test_english_is_there_without_a_file_and_writes_as_in_britain():
    english = language_of("en")
    assert (english.locale, english.direction, english.name) == ("en", "ltr", "English")
    assert [english.date(day) for day in ("2026-11-20", "2026-11", "2026")] == [
        "20 November 2026", "November 2026", "2026",
    ]  # fmt: skip
    assert english.date(date(2026, 3, 1)) == "1 March 2026"
    assert english.number(1234567) == "1,234,567"
    assert english.listed(["Lyon", "Turin", "Nice"]) == "Lyon, Turin and Nice"
    assert [english.listed(words) for words in ([], ["A"], ["A", "B"])] == ["", "A", "A and B"]
    assert english.abridged(["Lyon", "Turin"], 1200) == "Lyon, Turin and 1,200 more"
    assert [studies("en", count) for count in (0, 1, 2)] == ["0 studies", "1 study", "2 studies"]


def test_a_moment_is_told_by_its_day_and_a_week_begins_on_monday():
    english = language_of("en")
    assert english.date(datetime(2026, 11, 20, 23, 59, tzinfo=UTC)) == "20 November 2026"
    assert (english.weekdays[0], english.weekdays[6], len(english.weekdays)) == ("Monday", "Sunday", 7)


def test_time_zones_are_named_after_places_as_the_language_writes_them(tmp_path: Path):
    with spoken(tmp_path, "de"):
        cities = [language_of("de").city(zone) for zone in ("Europe/Vienna", "Asia/Kolkata", "Asia/Calcutta")]
    assert cities == ["Wien", "Kalkutta", "Kalkutta"]
    assert language_of("en").city("Nowhere/Land") == ""


def test_a_message_waits_until_its_reader_is_known(tmp_path: Path):
    count = Message("%(num)s studies", num=1200)
    message = Message("%(words)s until %(day)s: %(name)s", words=count, day=date(2026, 11, 20), name="Ana")
    assert str(message) == "1,200 studies until 20 November 2026: Ana"
    with found_in(dropped(tmp_path, "de", GERMAN)):
        assert message.told(language_of("de")) == "Ana: 1.200 Studien bis 20. November 2026"


@pytest.mark.parametrize("text", ["2026-13", "2026-02-30", "0000", "soon", "", "20261120", "{0}"])
def test_what_is_no_date_stands_as_it_is(text: str):
    assert language_of("en").date(text) == text


@pytest.mark.parametrize("locale", ["xx", "", "-", "en-US", "EN", "../../etc", "pl", "a" * 999, "\x00"])
def test_a_language_that_we_do_not_have_is_english(locale: str):
    assert language_of(locale) is language_of("en")


def test_a_file_is_all_that_a_language_needs(tmp_path: Path):
    with spoken(tmp_path, "pt_BR"):
        assert locales() == ("en", "pt-BR")
        ours = language_of("pt-br")
        assert ours is language_of("pt_BR")
        assert ours is language_of("pt-BR-x-more")
        assert (ours.locale, ours.direction, ours.name) == ("pt-BR", "ltr", "português (Brasil)")
        assert ours.date("2026-11-20") == "20 de novembro de 2026"
        assert ours.number(1234) == "1.234"
        assert ours.listed(["A", "B", "C"]) == "A, B e C"
        assert language_of("pt") is language_of("en")
    assert locales()[0] == "en"
    assert language_of("pt-BR") is language_of("en")


def test_a_language_written_from_right_to_left_says_so(tmp_path: Path):
    with spoken(tmp_path, "ar"):
        assert language_of("ar-EG").direction == "rtl"
        assert language_of("ar").date("2026-11") == "نوفمبر 2026"


def test_a_language_counts_in_its_own_way(tmp_path: Path):
    with found_in(dropped(tmp_path, "pl", POLISH)):
        assert [studies("pl", count).split()[1] for count in (1, 2, 5, 12, 22, 25)] == [
            "badanie", "badania", "badań", "badań", "badania", "badań",
        ]  # fmt: skip


def test_what_is_not_translated_or_cannot_be_filled_stays_english(tmp_path: Path):
    with found_in(dropped(tmp_path, "pl", POLISH)):
        polish = language_of("pl")
        assert polish.gettext("Stop %(name)s", name="A") == "Stop A"
        assert polish.gettext("Unsure") == "Unsure"
        assert polish.gettext("Not in the file") == "Not in the file"
        assert polish.gettext("Open") == "Open"
        assert polish.pgettext("of a place", "Open") == "Otwarte"


HEAD = 'msgid ""\nmsgstr ""\n"Plural-Forms: %s\\n"\n\nmsgid "Unsure"\nmsgstr "Nie wiem"\n'
BROKEN = {
    "no translations": ("pl", "what is this"),
    "no language": ("qqq", POLISH),
    "a text that is not closed": ("pl", f'{POLISH}\nmsgid "a\nmsgstr'),
    "broken off in a translation": ("pl", POLISH[: POLISH.index("badań") + 2]),
    "broken off in a message": ("pl", POLISH[: POLISH.index("Unsure") + 2]),
    "a rule that is none": ("pl", HEAD % "nplurals=2; plural=__import__(1);"),
    "a rule that cannot be counted": ("pl", HEAD % "nplurals=2; plural=n/0;"),
    "a rule with a form too many": ("pl", HEAD % "nplurals=2; plural=n%%3;"),
    "letters of another kind": (
        "pl",
        HEAD.replace("%s\\n", 'x\\n"\n"Content-Type: text/plain; charset=none\\n'),
    ),
}


@pytest.mark.parametrize(("locale", "text"), BROKEN.values(), ids=BROKEN)
def test_a_file_that_is_broken_is_named_and_left_out(tmp_path: Path, locale: str, text: str):
    folder = dropped(tmp_path, locale, text)
    file = rf"{locale}/LC_MESSAGES/notifier\.po"
    with pytest.raises(NotifierError, match=rf"{file} cannot be read: .+\. See"):
        read_catalogue(folder / locale / FILE)
    dropped(tmp_path, "pt_BR", POLISH)
    with found_in(folder), capture_logs() as logs:
        assert language_of(locale) is language_of("en")
        assert locales() == ("en", "pt-BR")
    assert [line["event"] for line in logs] == ["translations_unreadable"]
    assert re.search(file, logs[0]["file"])


def test_a_file_in_which_nothing_is_translated_is_told_of(tmp_path: Path):
    with found_in(dropped(tmp_path, "pl", "")), capture_logs() as logs:
        assert language_of("pl").gettext("Unsure") == "Unsure"
    assert [(line["event"], line["locale"]) for line in logs] == [("translations_empty", "pl")]
    with found_in(dropped(tmp_path, "pt_BR", POLISH)), capture_logs() as logs:
        language_of("pt-BR")
    assert logs == []
