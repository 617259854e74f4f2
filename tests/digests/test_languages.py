"""Mails in a language of which there is nothing but a file: every word of ours, every plural, date and number."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from selectolax.lexbor import LexborHTMLParser

from notifier.digests.content import Change, EditionContent, RenderedMail
from notifier.digests.letters import render_letter
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    EVERYTHING,
    OPENED,
    STOPPED,
    change,
    changed_item,
    dated,
    difference,
    edition,
    item_token,
    place,
)
from notifier.digests.samples import LETTERS, MAILS, render_sample
from notifier.digests.tags import TAG_PREFIX
from notifier.digests.vocabulary import WORDS
from tests.digests.mail_lint import lint
from tests.digests.samples import SETTINGS
from tests.languages.made_up import dropped, found_in, in_other_letters, spoken

_OF_MACHINES = re.compile(rf"https?://\S+|NCT\d+|{TAG_PREFIX}[\w./-]+")
_LATIN = re.compile(r"[A-Za-z]+")
_SPOKEN_ATTRIBUTES = ("aria-label", "aria-roledescription", "alt", "title")

MORE_PEOPLE = change("enrollment", None, {"count": 1200, "type": "ACTUAL"})
NAMED = [place("Lyon"), place("Nice"), place("Metz")]
KINDS: list[Change] = [
    *EVERYTHING,
    *STOPPED,
    *(change("overallStatus", "UNKNOWN", status) for status in [*WORDS["statuses"], None]),
    *(change(field, None, "2") for field in ("briefSummary", "eligibilityCriteria", "briefTitle", "whyStopped")),
    change("minimumAge", "6 Months", "18 Years"),
    change("sex", "ALL", "FEMALE"),
    change("healthyVolunteers", True, False),
    change("hasResults", False, True),
    change("phases", ["PHASE1"], ["PHASE2", "PHASE3"]),
    change("studyType", "OBSERVATIONAL", "INTERVENTIONAL"),
    change("startDate", dated("2026-11"), dated("2027", "ACTUAL")),
    change("enrollment", None, {"count": 1, "type": "ESTIMATED"}),
    change("minimumAge", "18 years", "18 Years"),
    difference("locations", NAMED, NAMED[:1], [(NAMED[0], place("Lyon", "SUSPENDED"))]),
    difference("conditions", ["Gout", "Asthma", "Croup", "Measles"]),
    difference("locations", NAMED[:1] * 2, [], [(place("Nice", "NOT_YET_RECRUITING"), place("Nice", "WITHDRAWN"))]),
    difference("references", [{"retracted": True}], [], [({}, {"retracted": True}), ({}, {"type": "RESULT"})]),
    *(difference(field, changed=[({"name": "1"}, {"name": "2"})]) for field in WORDS["fields"]
      if "means_reworded" in WORDS["fields"][field]),
    *(change(field, dated(was, how), now) for field, was, how, now in (
        ("startDate", "2027", "ESTIMATED", dated("2026")), ("startDate", "2026-01", "ACTUAL", dated("2027")),
        ("completionDate", "2026", "ACTUAL", dated("2025", "ACTUAL")), ("completionDate", "2026", "ACTUAL", None),
        ("completionDate", "2026", "ESTIMATED", dated("2026-11")))),
    change("maximumAge", None, "18 Years"),
    change("hasResults", True, False),
    *(
        difference(field, [{"label": "1", "measure": "1"}], [{"label": "2", "measure": "2"}] * 2)
        for field in ("armGroups", "primaryOutcomes", "secondaryOutcomes", "references", "largeDocuments")
    ),
]  # fmt: skip


def told_one_by_one() -> Iterator[EditionContent]:
    for start in range(0, len(KINDS), 10):
        yield edition(*(changed_item(number, one) for number, one in enumerate(KINDS[start : start + 10])))


def texts_of_others(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield value[:1].upper() + value[1:]
    elif is_dataclass(value):
        yield from texts_of_others([getattr(value, part.name) for part in fields(value) if part.compare])
    elif isinstance(value, dict):
        yield from texts_of_others(list(value.values()))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from texts_of_others(part)


def words_left(mail: RenderedMail, content: object) -> list[str]:
    """Words in Latin letters that neither others nor machines wrote."""
    tree = LexborHTMLParser(mail.html)
    said = [node.attributes.get(name) or "" for node in tree.css("*") for name in _SPOKEN_ATTRIBUTES]
    for node in tree.css("style, .theirs"):
        node.decompose()
    shown = LexborHTMLParser(tree.html or "").text(separator=" ")
    everything = " ".join(_OF_MACHINES.sub(" ", " ".join([mail.text, shown, *said])).split())
    others = {" ".join(_OF_MACHINES.sub(" ", text).split()) for text in texts_of_others(content)}
    for text in sorted(
        {*others, SETTINGS.postal_address, SETTINGS.mail_reply_to} - {""}, key=len, reverse=True
    ):
        everything = everything.replace(text, " ")
    return _LATIN.findall(everything)


@pytest.fixture(scope="module")
def _arabic_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locales")
    with spoken(folder, "ar", in_other_letters):
        return folder


@pytest.fixture
def arabic(_arabic_file: Path) -> Iterator[None]:
    with found_in(_arabic_file):
        yield


@pytest.mark.usefixtures("arabic")
@pytest.mark.parametrize("name", sorted(MAILS.keys() - {"digest-titles"}))
def test_no_word_of_ours_is_left_in_english(name: str):
    mail = render_sample(name, SETTINGS, "ar")
    assert words_left(mail, MAILS[name]) == []
    assert _LATIN.findall(mail.subject) == []
    assert mail.html.count('lang="ar" dir="rtl"') == 2
    assert "⟦" in mail.subject


@pytest.mark.usefixtures("arabic")
def test_no_kind_of_change_is_told_in_english():
    for content in told_one_by_one():
        mail = render(replace(content, locale="ar"), SETTINGS, item_token)
        assert words_left(mail, content) == []


@pytest.mark.usefixtures("arabic")
def test_a_mail_in_another_language_holds_to_the_rules():
    for name in ("digest-both", "digest-twelve", "digest-stopped"):
        assert lint(render_sample(name, SETTINGS, "ar")) == []


@pytest.mark.usefixtures("arabic")
def test_dates_and_lists_are_written_as_the_language_does():
    mail = render_sample("digest-many-changes", SETTINGS, "ar-EG")
    assert "30 يونيو 2027" in mail.text
    assert "نوفمبر 2026" in mail.text


def test_what_was_rendered_in_one_language_is_not_shown_in_another(tmp_path: Path):
    items = (changed_item(1, OPENED), changed_item(2, MORE_PEOPLE))
    english = render(edition(*items), SETTINGS, item_token)
    with spoken(tmp_path, "de"):
        german = render(replace(edition(*items), locale="de"), SETTINGS, item_token)
        assert render(edition(*items), SETTINGS, item_token) == english
        assert "1.200" in german.text
    assert "1,200" in english.text
    assert "⟦" not in english.text + english.html + english.subject


UPDATES = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<12 || n%100>14) ? 1 : 2);\\n"

msgid "%(num)s update to a study you follow"
msgid_plural "%(num)s updates to studies you follow"
msgstr[0] "%(num)s nowina"
msgstr[1] "%(num)s nowiny"
msgstr[2] "%(num)s nowin"
"""


TWO_LINES = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "%(num)s update to a study you follow"
msgid_plural "%(num)s updates to studies you follow"
msgstr[0] "%(num)s Neuigkeit\\nBcc: all@example.org"
msgstr[1] "%(num)s Neuigkeiten"

msgid "About your email updates"
msgstr "Ihre\\r\\nBcc: all@example.org"
"""


@pytest.mark.parametrize(
    ("name", "subject"),
    [
        ("digest-one-change", "1 Neuigkeit Bcc: all@example.org"),
        ("letter-confirm", "Ihre Bcc: all@example.org"),
    ],
)
def test_a_line_break_in_a_translated_subject_makes_no_further_header(
    tmp_path: Path, name: str, subject: str
):
    with found_in(dropped(tmp_path, "de", TWO_LINES)):
        mail = render_sample(name, SETTINGS, "de")
    assert mail.subject == subject
    assert f"<title>{subject}</title>" in mail.html


@pytest.mark.parametrize(
    ("count", "subject"),
    [(1, "1 nowina"), (2, "2 nowiny"), (5, "5 nowin"), (12, "12 nowin"), (23, "23 nowiny")],
)
def test_a_language_with_three_forms_of_the_plural_counts_with_all_of_them(
    tmp_path: Path, count: int, subject: str
):
    content = replace(edition(*(changed_item(number, OPENED) for number in range(count))), locale="pl")
    with found_in(dropped(tmp_path, "pl", UPDATES)):
        mail = render(content, SETTINGS, item_token)
    assert mail.subject == subject
    assert 'lang="pl" dir="ltr"' in mail.html
    assert "Studies you follow" in mail.text


def test_a_letter_in_another_language_says_how_often_in_it(tmp_path: Path):
    with spoken(tmp_path, "fr"):
        text = render_letter(replace(LETTERS["confirm"], locale="fr"), SETTINGS).text
    assert "⟦How often: ⟦once a week⟧.⟧" in text
