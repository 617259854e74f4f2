"""The letters as their readers get them."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from notifier.digests.letters import LetterContent, Wish, render_letter
from notifier.digests.sample_parts import CONDITION
from notifier.digests.samples import LETTERS
from notifier.digests.tags import CONFIRM_TAG, MANAGE_TAG, TAG_PREFIX
from tests.digests.mail_lint import links, lint, preheader
from tests.digests.reading_grade import grade, our_sentences
from tests.digests.samples import SETTINGS

GOLDEN = Path(__file__).parent / "golden"
every_letter = pytest.mark.parametrize("name", LETTERS)


def tag_of(content: LetterContent) -> str:
    return CONFIRM_TAG if content.kind == "confirm" else MANAGE_TAG


@every_letter
def test_every_letter_holds_to_the_rules_of_all_mail(name: str):
    assert lint(render_letter(LETTERS[name], SETTINGS), tags={tag_of(LETTERS[name])}) == []


@every_letter
def test_letters_look_as_agreed(name: str):
    """UPDATE_GOLDEN=1 accepts what is rendered now; read the difference before committing it."""
    mail = render_letter(LETTERS[name], SETTINGS)
    file = GOLDEN / f"letter-{name}.txt"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(f"Subject: {mail.subject}\n\n{mail.text}", "utf-8")
    assert file.read_text("utf-8") == f"Subject: {mail.subject}\n\n{mail.text}"


@every_letter
def test_a_letter_has_one_thing_to_do_and_says_who_we_are(name: str):
    mail = render_letter(LETTERS[name], SETTINGS)
    assert links(mail) == [tag_of(LETTERS[name]), SETTINGS.terms_url, SETTINGS.privacy_url]
    for part in (mail.text, mail.html):
        assert SETTINGS.postal_address in part
        assert SETTINGS.mail_reply_to in part
        assert "This was not you?" in part


@every_letter
def test_what_shows_on_a_locked_screen_is_the_same_whatever_was_asked(name: str):
    content = LETTERS[name]
    mail, other = (
        render_letter(replace(content, wishes=wishes), SETTINGS)
        for wishes in (content.wishes, (Wish("Gout"),))
    )
    assert mail.subject == other.subject
    assert preheader(mail) == preheader(other)
    assert 40 <= len(preheader(mail)) <= 90
    assert len(mail.subject) < 50


def test_a_locked_screen_does_not_tell_who_gets_updates_already():
    confirm, already = (render_letter(LETTERS[name], SETTINGS) for name in ("confirm", "already"))
    assert (confirm.subject, preheader(confirm)) == (already.subject, preheader(already))
    assert (
        confirm.text.partition("updates to this address.")[0]
        == already.text.partition("updates to this address.")[0]
    )


@pytest.mark.parametrize("name", ["confirm", "already"])
def test_the_body_names_what_was_asked(name: str):
    mail = render_letter(LETTERS[name], SETTINGS)
    for part in (mail.text, mail.html):
        assert CONDITION in part
        assert "changes to study NCT05000001" in part
        assert "Sunvertinol" in part


def test_a_very_long_list_is_cut_and_the_rest_is_counted():
    assert "- and 40 more" in render_letter(LETTERS["confirm-much"], SETTINGS).text


def test_a_condition_that_plays_tricks_stays_text():
    trick = f"<script>alert(1)</script> {TAG_PREFIX}CONFIRM {{{{ secret }}}}\r\nBcc: x"
    mail = render_letter(LetterContent("confirm", "en", (Wish(trick),), "daily"), SETTINGS)
    assert lint(mail, theirs=trick, tags={CONFIRM_TAG}) == []
    assert mail.text.count(TAG_PREFIX) == mail.html.count(TAG_PREFIX) == 1


def test_all_our_words_read_at_grade_8_or_below():
    for content in LETTERS.values():
        sentences = our_sentences(render_letter(content, SETTINGS))
        assert grade(sentences) <= 8, sentences
