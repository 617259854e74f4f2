"""Mails in an operator's own words: what may stand in them, and how they look."""

import pytest

from notifier.digests.corrections import CorrectionContent, checked_reason, checked_text, render_correction
from notifier.digests.samples import CORRECTIONS
from notifier.errors import NotifierError
from tests.digests.mail_lint import links, lint, preheader
from tests.digests.reading_grade import grade, our_sentences
from tests.digests.samples import SETTINGS

every_one = pytest.mark.parametrize("name", CORRECTIONS)


def mail_of(text: str):
    return render_correction(CorrectionContent("correction", "en", text), SETTINGS)


@every_one
def test_it_holds_to_the_rules_of_all_mail(name: str):
    assert lint(render_correction(CORRECTIONS[name], SETTINGS), theirs=CORRECTIONS[name].text) == []


@every_one
def test_a_locked_screen_shows_nothing_of_the_operators_words(name: str):
    mail = render_correction(CORRECTIONS[name], SETTINGS)
    other = render_correction(CorrectionContent(CORRECTIONS[name].kind, "en", "About gout."), SETTINGS)
    assert (mail.subject, preheader(mail)) == (other.subject, preheader(other))
    assert len(mail.subject) < 50
    assert 40 <= len(preheader(mail)) <= 90


@every_one
def test_our_own_words_are_easy_to_read(name: str):
    empty = CorrectionContent(CORRECTIONS[name].kind, "en", "")
    assert grade(our_sentences(render_correction(empty, SETTINGS))) <= 8


def test_paragraphs_stay_apart_and_a_link_can_be_followed():
    text = checked_text(
        " It was wrong.\r\nIt is 5.\r\n \r\nhttps://studies.example.org/NCT05000001\n\n<b>So & so</b>\n",
        SETTINGS,
    )
    mail = mail_of(text)
    assert "\n\nIt was wrong. It is 5.\n\nhttps://studies.example.org/NCT05000001\n\n" in mail.text
    assert "https://studies.example.org/NCT05000001" in links(mail)
    assert "<b>So" not in mail.html
    assert lint(mail, theirs=text) == []


def test_a_long_link_is_not_broken():
    link = "https://studies.example.org/" + "NCT05000001-" * 8
    assert f"\n{link}\n" in mail_of(checked_text(f"See:\n\n{link}", SETTINGS)).text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("word " * 1_000, "4,000"),
        ("word " * 300, "blank line"),
        ("One\x07", "control"),
        ("See https://studies.example.org/NCT05000001 for more.", "line of its own"),
        ("See www.example.org", "line of its own"),
        ("It stands on example.com now.", "line of its own"),
        ("It ended.Now it goes on.", "put a space"),
        ("Write to anna@example.org.", "No e-mail address"),
        ("https://elsewhere.example.com/x", "studies.example.org"),
        ("https://studies.example.org@elsewhere.example.com/", "line of its own"),
        ("javascript://studies.example.org/x", "line of its own"),
    ],
)
def test_what_must_not_be_mailed_is_refused_with_what_to_change(text: str, complaint: str):
    with pytest.raises(NotifierError) as refused:
        checked_text(text, SETTINGS)
    assert complaint in f"{refused.value.message} {refused.value.remedy}"


def test_a_place_for_a_link_of_ours_cannot_be_forged():
    assert "NOTIFIER-LINK-CONFIRM" not in mail_of("Open NOTIFIER-LINK-CONFIRM now.").text


def test_ordinary_words_are_let_through():
    text = "In the U.S. (e.g. at 3.5 mg) the study of Dr. Roe is open: 10% of it.\n\n- one thing\n\n- another"
    assert checked_text(text, SETTINGS) == text


@pytest.mark.parametrize("reason", ["", " \n", "x" * 301, "see example.org", "write to anna@example.org"])
def test_a_reason_is_one_sentence_without_addresses(reason: str):
    with pytest.raises(NotifierError):
        checked_reason(reason)


def test_a_reason_stands_on_one_line():
    assert checked_reason(" It was listed\nby mistake. ") == "It was listed by mistake."
