"""Why a study is told of, since when it is known, and how much of it fits in a mail."""

from dataclasses import fields, replace

import pytest

from notifier.digests.content import Card, Item, RenderedMail
from notifier.digests.rendering import render
from notifier.digests.sample_parts import LATER, OPENED, changed_item, edition, item_token, new_item, reason
from tests.digests.mail_lint import lint
from tests.digests.samples import SETTINGS


def mail_of(*items: Item) -> RenderedMail:
    return render(edition(*items), SETTINGS, item_token)


@pytest.mark.parametrize("letter", ["a ", "&", "中", "𝒳"])
def test_a_mail_of_the_longest_studies_there_are_stays_small_enough_not_to_be_cut_off(letter: str):
    long = {
        field.name: (letter * 600)[: 199 if field.name == "question" else 599] + "." for field in fields(Card)
    }
    reasons = [reason("condition", f"{number} {letter * 90}", 3) for number in range(20)]
    items = [
        new_item(number, *reasons, card=Card(**long), briefTitle=letter * 90, conditions=[letter * 40] * 4)
        for number in range(60)
    ]
    mail = mail_of(*items)
    assert lint(mail, theirs=letter) == []
    cards = mail.html.count("Read more about")
    assert 1 <= cards <= 10
    assert mail.text.count("Read more about") == cards
    assert f"And {60 - cards - 10} more." in mail.text


def test_of_very_many_reasons_three_are_named_and_the_rest_is_counted():
    names = [reason("condition", f"Kind {number} of asthma", 1) for number in range(20)]
    mail = mail_of(replace(changed_item(1, LATER), reasons=(*names, reason("study", "NCT05000001", 1))))
    card = mail.text.partition("Good to know")[0]
    assert card.count("You follow “") == 2
    assert "You follow this study." in card
    assert "It also matches 18 more things that you follow." in card
    four = mail_of(new_item(1, *names[:4])).text
    assert four.count("You follow “") == 3
    assert "It also matches 1 more thing that you follow." in four


def test_a_condition_of_which_no_readable_name_is_left_is_called_something():
    for label in ("", "\u200b", " \n"):
        unnamed = reason("condition", label, 1)
        mail = mail_of(new_item(1, unnamed), new_item(2, unnamed, reason("condition", "Asthma", 2)))
        assert lint(mail) == []
        for line in (
            "New studies: a condition that you chose",
            "You follow “a condition that you chose”.",
            "Stop updates about a condition that you chose:",
            "- new studies for a condition that you chose",
        ):
            assert line in mail.text
    assert "\nStop updates about :" not in mail.text


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (
            changed_item(
                1, OPENED, firstPosted="2019-05-02", firstSeen="2026-11-22", lastUpdatePosted="2026-06-15"
            ),
            "In the registry since 2 May 2019. Last updated 15 June 2026.",
        ),
        (
            new_item(1, firstPosted="2026-11-19", firstSeen="2026-11-20", lastUpdatePosted="2026-11-19"),
            "First seen 20 November 2026. Last updated 19 November 2026.",
        ),
        (changed_item(1, OPENED), "First seen 3 March 2025. Last updated 20 November 2026."),
        (
            changed_item(1, OPENED, firstPosted=None),
            "First seen 3 March 2025. Last updated 20 November 2026.",
        ),
    ],
)
def test_a_study_that_was_there_before_us_says_since_when_it_is_in_the_registry(item, line: str):
    assert line in " ".join(mail_of(item).text.split())
