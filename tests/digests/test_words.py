"""Every kind of change in plain words."""

from collections.abc import Iterator

import pytest

from notifier.digests.sample_parts import (
    EVERYTHING,
    STOPPED,
    change,
    dated,
    difference,
    place,
    snapshot,
)
from notifier.digests.vocabulary import TOPICS, WORDS, date_words, phase_words, status_words
from notifier.digests.words import Told, tell
from notifier.languages.catalogue import language_of
from notifier.registry.rules import COMPARED
from tests.digests.reading_grade import grade

ENGLISH = language_of("en")


def told(*changes, **study) -> Told:
    return tell(changes, snapshot(**study), ENGLISH)[0]


def said_in(value: object, key: str = "") -> Iterator[str]:
    """Every sentence on what something can mean."""
    if isinstance(value, str) and key.startswith("means"):
        yield value
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from said_in(part, name if isinstance(part, str) else "")


@pytest.mark.parametrize(
    ("field", "before", "after", "was", "now"),
    [
        ("overallStatus", "NOT_YET_RECRUITING", "RECRUITING", "Not yet open", "Open. Looking for people to join"),
        ("overallStatus", None, "COMPLETED", "not given", "Ended. It was not stopped early"),
        ("startDate", None, dated("2026-11"), "not given", "November 2026 (expected)"),
        ("startDate", dated("2026-11"), None, "November 2026 (expected)", "no longer given"),
        ("completionDate", dated("2026-11-20"), dated("2026-11-20", "ACTUAL"), "20 November 2026 (expected)",
         "20 November 2026 (confirmed)"),
        ("completionDate", {"date": "2025", "type": None}, dated("2027-01"), "2025", "January 2027 (expected)"),
        ("enrollment", {"count": 1, "type": None}, {"count": 1200, "type": "ESTIMATED"}, "1 person",
         "1,200 people (expected)"),
        ("minimumAge", "18 Years", "6 Months", "18 years", "6 months"),
        ("sex", "FEMALE", "ALL", "Female only", "Any sex"),
        ("healthyVolunteers", False, True, "Not for healthy people", "Healthy people may ask to join"),
        ("phases", ["PHASE1"], ["PHASE1", "PHASE2"], "Phase 1 (tests safety in a small group)",
         "Phases 1 and 2 (test safety first, then if it works)"),
        ("phases", [], ["NA"], "not given", "No phase (not all studies have one)"),
        ("leadSponsor", "One Group", "Other Group", "One Group", "Other Group"),
        ("studyType", "OBSERVATIONAL", "INTERVENTIONAL", "Watches people in their usual care",
         "Tests a treatment or other care"),
    ],
)  # fmt: skip
def test_values_are_told_before_and_now(field: str, before: object, after: object, was: str, now: str):
    one = told(change(field, before, after))
    assert (one.before, one.now) == (was, now)


@pytest.mark.parametrize(
    ("one", "note"),
    [
        (change("briefSummary", "Old", "New"), "The study team rewrote the summary."),
        (change("detailedDescription", None, "New"), "The study team added the long description."),
        (change("eligibilityCriteria", "Old", None), "The study team removed the rules on who can join."),
        (change("hasResults", False, True), "The study team posted results."),
        (change("hasResults", True, False), "The results are no longer posted."),
        (difference("centralContacts", ["a1"]), "Contact details were added."),
        (difference("centralContacts", ["a1"], ["b2"]), "The contact details are new."),
        (difference("conditions", ["Asthma"]), "1 condition added: Asthma."),
        (difference("conditions", ["A", "B", "C", "D"]), "4 conditions added: A, B and 2 more."),
        (
            difference("primaryOutcomes", [{"measure": "X"}], [{"measure": "Y"}]),
            "1 main measure added. 1 main measure removed.",
        ),
        (
            difference("interventions", [{"type": "DRUG", "name": "Sunvertinol"}]),
            "1 item added: Sunvertinol.",
        ),
        (change("minimumAge", "18 years", "18 Years"), "The study team made a small edit here."),
    ],
)
def test_lists_and_long_texts_are_told_in_one_sentence(one, note: str):
    assert told(one).note == note


@pytest.mark.parametrize(
    ("change_of_places", "note"),
    [
        (
            difference(
                "locations", [place(city) for city in ("Lyon", "Turin", "A", "B", "C", "D")], [place("Paris")]
            ),
            "6 places added: Lyon, Turin and 4 more. 1 place removed: Paris.",
        ),
        (difference("locations", [place("Lyon"), place("Lyon"), place("Lyon")]), "3 places added in Lyon."),
        (
            difference("locations", changed=[(place("Lyon", "NOT_YET_RECRUITING"), place("Lyon"))]),
            "1 place now open: Lyon.",
        ),
        (
            difference(
                "locations",
                changed=[
                    (place("Lyon"), place("Lyon", "COMPLETED")),
                    (place("Nice"), place("Nice", "SUSPENDED")),
                ],
            ),
            "1 place on hold: Nice. 1 place closed to new people: Lyon.",
        ),
        (
            difference("locations", changed=[(place("Lyon"), place("Lyon", facility="Other Clinic"))]),
            "1 place with new details: Lyon.",
        ),
        (
            difference("locations", [{"facility": None, "city": None, "country": None, "status": None}]),
            "1 place added.",
        ),
    ],
)
def test_places_are_told_by_their_difference(change_of_places, note: str):
    assert told(change_of_places).note == note


def test_a_stopped_study_is_told_first_calmly_and_with_the_reason_as_a_quotation():
    first, *rest = tell([*EVERYTHING[1:], *STOPPED], snapshot(), ENGLISH)
    assert first.label == "Recruitment"
    assert first.quote == "Slow enrollment; not related to safety."
    assert first.meaning.startswith("This study has stopped.")
    assert "Reason for stopping" not in [one.label for one in rest]
    assert "!" not in first.meaning


def test_a_reason_that_comes_later_is_quoted_on_its_own():
    one = told(change("whyStopped", None, "Funding ended"), overallStatus="TERMINATED")
    assert (one.quote, one.now) == ("Funding ended", "")


def test_codes_that_the_registry_adds_later_read_decently():
    assert status_words("ON_THE_SHELF", ENGLISH) == "On the shelf"
    assert phase_words(["PHASE9"], ENGLISH) == "Phase9"
    assert date_words("2026-13", ENGLISH) == "2026-13"
    assert told(change("sex", "MALE", "NOT_SAID")).now == "Not said"
    assert told(change("overallStatus", "RECRUITING", "ON_THE_SHELF")).now == "On the shelf"


def test_a_fact_that_has_no_words_yet_is_told_by_its_name():
    one = told(change("targetDuration", "2 Years", "3 Years"))
    assert (one.label, one.before, one.now) == ("Target duration", "2 Years", "3 Years")


def test_every_fact_that_is_compared_has_words():
    assert set(COMPARED) <= set(WORDS["fields"])


def test_all_our_words_read_at_grade_8_or_below_and_promise_nothing():
    meanings = [
        *said_in(WORDS["fields"]),
        *said_in(WORDS["statuses"]),
        *(entry["means"] for entry in WORDS["glossary"]),
        *WORDS["dates"].values(),
        WORDS["other"]["means"],
    ]
    sentences = [part for text in meanings for part in text.rstrip(".").split(". ")]
    assert grade(sentences) <= 8
    promises = (
        "hope",
        "cure",
        "breakthrough",
        "eligible",
        "benefit",
        "you can join",
        "patients like you",
        "!",
    )
    assert [text for text in meanings if any(word in text.lower() for word in promises)] == []


def test_every_topic_stands_in_the_order_of_weight():
    used = {entry["topic"] for entry in [*WORDS["fields"].values(), WORDS["other"]]}
    used |= {entry["topic"] for entry in WORDS["statuses"].values() if "topic" in entry}
    assert used <= set(TOPICS)
