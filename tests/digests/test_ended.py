"""A study that somebody follows has ended: told calmly, once, in a mail of its own or in its card."""

from dataclasses import replace

import pytest

from notifier.digests.content import Item, RenderedMail
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    CARD,
    COMPLETED,
    LATER,
    OPENED,
    STOPPED,
    change,
    changed_item,
    edition,
    item_token,
    new_item,
    reason,
)
from notifier.digests.tags import MANAGE_TAG, UNSUBSCRIBE_TAG
from tests.digests.mail_lint import links, lint, preheader
from tests.digests.samples import SETTINGS

ENDED = "A study you follow has ended"
FEW = "There will be few or no more updates about this study."
RESULTS = "If you keep these updates, we will tell you if the study team posts results."
FINAL = ("COMPLETED", "TERMINATED", "WITHDRAWN")


def mail_of(*items: Item, titles_in_subject: bool = False) -> RenderedMail:
    return render(edition(*items, titles_in_subject=titles_in_subject), SETTINGS, item_token)


def words(mail: RenderedMail) -> str:
    return " ".join(mail.text.split())


def came_to(status: str, number: int = 1, before: str = "RECRUITING") -> Item:
    return changed_item(number, change("overallStatus", before, status), overallStatus=status)


@pytest.mark.parametrize("status", FINAL)
def test_alone_it_has_a_calm_mail_of_its_own(status: str):
    mail = mail_of(came_to(status))
    assert lint(mail) == []
    assert mail.subject == ENDED
    assert preheader(mail).startswith("There will be few or no more updates about it.")
    assert FEW in words(mail)
    assert "What you can do now" in mail.text
    assert "!" not in words(mail)


def test_it_names_the_study_in_the_subject_only_of_those_who_chose_so():
    item = changed_item(1, COMPLETED, card=CARD)
    assert mail_of(item).subject == ENDED
    assert mail_of(item, titles_in_subject=True).subject.startswith(f"{ENDED}: Can a study medicine")


def test_it_quotes_the_reason_and_says_how_to_stop_and_where_to_follow_something_new():
    mail = mail_of(changed_item(1, *STOPPED))
    for part in (words(mail), mail.html):
        assert "Slow enrollment; not related to safety." in part
        assert "To get no more emails about this study, use the link to stop its updates above." in part
        assert "new studies of the same condition" in part
    own = [url for url in links(mail) if "://" not in url]
    stop = f"{UNSUBSCRIBE_TAG}/item-{reason('study', 'NCT05000001', 1).target_id}"
    assert own == [stop, MANAGE_TAG, MANAGE_TAG, UNSUBSCRIBE_TAG]


def test_nobody_in_the_study_is_told_that_there_is_nothing_to_do():
    """Whoever is in it may have to see the study doctors."""
    for status in ("COMPLETED", "TERMINATED"):
        text = words(mail_of(came_to(status)))
        assert "You do not need to do anything about these emails." in text
        assert text.count("If you or someone you care for") == 1
        assert "the study doctors can tell you what" in text
    assert "study doctors" not in words(mail_of(came_to("WITHDRAWN")))


@pytest.mark.parametrize(
    ("status", "has_results", "told"),
    [
        ("COMPLETED", False, True),
        ("TERMINATED", False, True),
        ("COMPLETED", True, False),
        ("WITHDRAWN", False, False),
    ],
)
def test_results_are_held_out_only_where_they_may_still_come(status: str, has_results: bool, told: bool):
    item = changed_item(1, change("overallStatus", "RECRUITING", status), hasResults=has_results)
    assert (RESULTS in words(mail_of(item))) == told


def test_in_a_longer_digest_its_card_says_the_same_and_leads_to_new_studies():
    mail = mail_of(came_to("COMPLETED"), changed_item(2, OPENED))
    assert lint(mail) == []
    assert mail.subject == "2 updates to studies you follow"
    assert words(mail).count(f"{FEW} {RESULTS}") == 1
    assert f"Follow new studies instead:\n{MANAGE_TAG}\n" in mail.text


@pytest.mark.parametrize(
    "item",
    [
        came_to("SUSPENDED"),
        came_to("UNKNOWN"),
        came_to("NO_LONGER_AVAILABLE", before="AVAILABLE"),
        came_to("APPROVED_FOR_MARKETING", before="AVAILABLE"),
        came_to("COMPLETED", before="TERMINATED"),
        changed_item(1, LATER, overallStatus="COMPLETED"),
        replace(came_to("COMPLETED"), reasons=(reason("condition", "Asthma", 1),)),
        new_item(1, overallStatus="COMPLETED"),
    ],
    ids=[
        "on hold",
        "not known",
        "closed care",
        "approved care",
        "ended before",
        "another change",
        "not followed",
        "new",
    ],
)
def test_anything_else_is_not_said_to_have_just_ended(item: Item):
    mail = mail_of(item)
    assert ENDED not in mail.subject
    assert FEW not in words(mail)


def test_a_study_that_ended_and_opened_again_has_not_ended():
    opened = changed_item(1, change("overallStatus", "COMPLETED", "RECRUITING"))
    mail = mail_of(came_to("COMPLETED", before="NOT_YET_RECRUITING"), replace(opened, position=2))
    assert mail.subject == "1 update to a study you follow"
    assert FEW not in words(mail)
