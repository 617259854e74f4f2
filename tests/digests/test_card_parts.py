"""What a card shows beside the site's question and summary, and what each of its changes can mean."""

from dataclasses import replace

import pytest

from notifier.digests.content import Card, Item, RenderedMail
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    EVERYTHING,
    FULL_CARD,
    LATER,
    OPENED,
    SUMMARY,
    change,
    changed_item,
    dated,
    edition,
    item_token,
    new_item,
)
from notifier.digests.vocabulary import WORDS
from tests.digests.mail_lint import lint
from tests.digests.reading_grade import grade
from tests.digests.samples import SETTINGS

LABELS = ["What this could mean", "Active substance", "What it could lead to", "What could go wrong"]


def mail_of(*items: Item) -> RenderedMail:
    return render(edition(*items), SETTINGS, item_token)


def labels(card: Card) -> list[str]:
    mail = mail_of(new_item(1, card=card))
    assert lint(mail) == []
    found = sorted((mail.text.index(f"\n{label}:"), label) for label in LABELS if f"\n{label}:" in mail.text)
    assert [label for label in LABELS if label in mail.html] == [label for _, label in found]
    return [label for _, label in found]


def test_all_parts_of_a_card_are_told_under_their_names():
    assert labels(FULL_CARD) == LABELS


def test_nothing_is_promised_without_what_could_go_wrong():
    assert labels(replace(FULL_CARD, what_could_go_wrong="")) == ["Active substance"]
    assert labels(replace(FULL_CARD, what_could_go_wrong="\u200b \n")) == ["Active substance"]
    assert labels(Card("Why?", "So.", what_could_go_wrong="Harm.")) == ["What could go wrong"]


NOT_KNOWN = "It is not known yet how well this works, or all the harm it can do."
MORE_HARM = "There is more that could go wrong. Read all of it on the study page."


def words(*items: Item) -> str:
    mail = mail_of(*items)
    assert lint(mail) == []
    return " ".join(mail.text.split())


def test_grave_harm_at_the_end_of_a_long_part_is_not_cut_off():
    harm = f"{'It can make people feel sick or very tired for weeks. ' * 10}It can cause death."
    text = words(new_item(1, card=replace(FULL_CARD, what_could_go_wrong=harm)))
    assert "It can cause death." in text
    assert "What this could mean" in text
    assert MORE_HARM not in text


def test_where_not_all_harm_can_be_told_it_says_so_and_no_gain_is_told():
    harm = f"{'It can make people feel sick or very tired for weeks. ' * 20}It can cause death."
    card = replace(FULL_CARD, what_could_go_wrong=harm)
    assert labels(card) == ["Active substance", "What could go wrong"]
    text = words(new_item(1, card=card))
    assert f"very tired for weeks. {MORE_HARM}" in text
    assert text.count("very tired for weeks.") == 11


@pytest.mark.parametrize("card", [None, Card("Why?", "So."), replace(FULL_CARD, what_could_go_wrong="")])
def test_a_new_study_without_a_word_on_harm_says_that_it_is_not_known(card: Card | None):
    text = words(new_item(1, card=card, studyType="INTERVENTIONAL"))
    assert text.count(NOT_KNOWN) == 1


@pytest.mark.parametrize(
    "study",
    [
        {"studyType": "OBSERVATIONAL"},
        {"studyType": None},
        {"phases": ["PHASE4"]},
        {"hasResults": True},
        {"overallStatus": "COMPLETED"},
        {"overallStatus": "UNKNOWN"},
        {"overallStatus": "APPROVED_FOR_MARKETING"},
        {"overallStatus": None},
    ],
    ids=str,
)
def test_nor_is_it_said_where_more_may_be_known(study: dict[str, object]):
    assert NOT_KNOWN not in words(new_item(1, **study))


def test_where_the_site_tells_the_harm_we_add_nothing():
    assert NOT_KNOWN not in words(new_item(1, card=FULL_CARD))
    assert NOT_KNOWN not in words(changed_item(1, OPENED))


@pytest.mark.parametrize("part", ["what_this_could_mean", "active_substance"])
def test_a_long_part_ends_with_a_sentence(part: str):
    text = "This is the first of them. " + "And so on it goes, word by word. " * 60
    mail = mail_of(new_item(1, card=replace(FULL_CARD, **{part: text})))
    assert lint(mail) == []
    assert 3 < mail.text.count("word by word.") + mail.text.count("word by\nword.") < 10
    assert "word by word…" not in mail.text


def test_a_change_to_a_study_is_told_without_its_whole_card():
    assert "What could go wrong" not in mail_of(changed_item(1, OPENED, card=FULL_CARD)).html


def test_every_change_that_is_told_says_what_it_can_mean():
    text = " ".join(mail_of(changed_item(1, *EVERYTHING)).text.split())
    for status_or_field in (WORDS["statuses"]["RECRUITING"], *map(WORDS["fields"].get, ("locations",))):
        assert text.count(status_or_field["means"]) == 1
    assert WORDS["dates"]["later"] in text


def test_what_several_changes_mean_alike_is_said_once():
    end = change("completionDate", dated("2027-01"), dated("2028-01"))
    text = " ".join(mail_of(changed_item(1, LATER, end, SUMMARY)).text.split())
    assert text.count("Study dates often move.") == 1
    assert text.count("Before:") == 2


def test_no_sentence_stands_in_two_meanings_that_one_card_may_hold():
    """Of its statuses a card tells one."""
    entries = [*WORDS["fields"].values(), WORDS["other"]]
    fields = {text for entry in entries for key, text in entry.items() if key.startswith("means")}
    fields |= set(WORDS["dates"].values())
    sentences = [part for meaning in fields for part in meaning.rstrip(".").split(". ")]
    assert sorted(sentences) == sorted(set(sentences))
    for status in WORDS["statuses"].values():
        assert not set(status["means"].rstrip(".").split(". ")) & set(sentences)


@pytest.mark.parametrize("entry", WORDS["glossary"], ids=lambda entry: entry["term"])
def test_each_hard_word_is_explained_in_one_plain_sentence(entry: dict[str, str]):
    assert grade([entry["means"].rstrip(".")]) <= 8
    assert entry["means"].endswith(".")
    text = f"This is about {entry['term'].lower()} in adults."
    if entry["term"] not in ("Arm", "Adjuvant", "Masked"):  # which mean other things on their own
        mail = mail_of(new_item(1, card=Card("Why?", text)))
        assert f"\n{entry['term']}: {entry['means'].split()[0]}" in mail.text


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("A single-arm study of tea.", "Arm"),
        ("Two arms are held up, then the left arm is lowered.", None),
        ("A triple-masked study of tea.", "Triple-blind"),
        ("A double-blinded study of tea.", "Double-blind"),
        ("Tea for blinded doctors.", "Blinded"),
        ("Vaccines with an adjuvant.", None),
        ("Neo-adjuvant therapy with tea.", "Neoadjuvant"),
        ("Adjuvant chemotherapy with tea.", "Adjuvant"),
        ("A control group gets no tea.", "Control group"),
        ("Tea, non-randomized at first and then randomized.", "Randomized"),
        ("A double\u2011blind study of tea.", "Double-blind"),
        ("Rater-blind checks of tea.", "Blinded"),
        ("Rater masking with tea.", "Masked"),
        ("A non inferiority study of tea.", "Non-inferiority"),
    ],
)
def test_hard_words_are_found_as_study_teams_write_them(text: str, term: str | None):
    assert (term in explained(text)) if term else (explained(text) == [])


def explained(text: str) -> list[str]:
    glossary = mail_of(new_item(1, card=Card("Why?", text))).text.partition("Words explained")[2]
    return [entry["term"] for entry in WORDS["glossary"] if f"\n{entry['term']}: " in glossary]


@pytest.mark.parametrize("entry", WORDS["glossary"], ids=lambda entry: entry["term"])
@pytest.mark.parametrize("non", ["Non-", "non ", "Non\u2011", "not "])
def test_the_opposite_of_a_hard_word_is_not_explained_by_it(entry: dict[str, str], non: str):
    term = {"Arm": "single-arm", "Adjuvant": "adjuvant therapy", "Masked": "rater-masked"}.get(entry["term"])
    assert entry["term"] in explained(f"A {term or entry['term'].lower()} study of tea.")
    assert entry["term"] not in explained(f"A {non}{term or entry['term'].lower()} study of tea.")


@pytest.mark.parametrize(
    "text",
    [
        "A randomised controlled trial of tea.",
        "Pain Control Study",
        "Motor Control Group Training",
        "Glycemic control trial, birth control studies.",
        "Transplant-Eligible Adults; eligible for tea.",
        "A Leading Cause of Blinding Disease",
        "Tinnitus Masking With Tea",
        "Without metastases, no remission.",
    ],
)
def test_a_word_that_means_something_else_here_is_not_explained(text: str):
    assert set(explained(text)) <= {"Randomized"}


@pytest.mark.parametrize(
    "text", ["(Neo)adjuvant chemotherapy", "(neo)-adjuvant therapy", "(Neo) Adjuvant Therapy"]
)
def test_before_or_after_the_main_treatment_is_told_as_both(text: str):
    assert explained(text) == ["(Neo)adjuvant"]
    assert explained("Neo Adjuvant Chemotherapy") == ["Neoadjuvant"]
