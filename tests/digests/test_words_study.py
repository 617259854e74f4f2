"""What is said of a change depends on the study it is in, and on the way it went."""

from typing import Any

import pytest

from notifier.digests.content import Change, Item
from notifier.digests.rendering import render
from notifier.digests.sample_parts import (
    LATER,
    STOPPED,
    change,
    changed_item,
    dated,
    difference,
    edition,
    item_token,
    new_item,
    place,
)
from tests.digests.mail_lint import lint, preheader
from tests.digests.samples import SETTINGS
from tests.digests.test_words import told

CALL = "Call a place before you travel."
YEAR_LATER = "Results often come a year or more later."
REASON = "No staff."
ARTICLE = {"pmid": "1", "type": "BACKGROUND", "citation": "A paper.", "retracted": False}
WITHDRAWN = ARTICLE | {"retracted": True}


def text_of(*items: Item) -> str:
    mail = render(edition(*items), SETTINGS, item_token)
    assert lint(mail) == []
    return " ".join(mail.text.split())


def preview_line(*changes: Change, status: str) -> str:
    return preheader(render(edition(changed_item(1, *changes, overallStatus=status)), SETTINGS, item_token))


def status(before: str, after: str) -> Change:
    return change("overallStatus", before, after)


@pytest.mark.parametrize(("before", "after"), [("SUSPENDED", "RECRUITING"), ("TERMINATED", "COMPLETED")])
def test_a_study_that_goes_on_is_not_said_to_have_stopped(before: str, after: str):
    line = preview_line(status(before, after), change("whyStopped", REASON, None), LATER, status=after)
    assert line == "One study has a new status. Read it here in plain words."


@pytest.mark.parametrize("after", ["SUSPENDED", "TERMINATED", "WITHDRAWN", "TEMPORARILY_NOT_AVAILABLE"])
def test_a_study_that_stopped_says_so_first_with_its_reason_even_where_that_was_known(after: str):
    one = told(LATER, status("RECRUITING", after), whyStopped=REASON)
    assert (one.label, one.quote) == ("Recruitment", REASON)


def test_a_reason_that_changed_while_the_study_opened_again_is_not_given_for_that():
    steps = status("SUSPENDED", "RECRUITING"), change("whyStopped", REASON, "No money.")
    assert "gave this reason" not in text_of(changed_item(1, *steps, whyStopped="No money."))


@pytest.mark.parametrize(
    ("state", "is_told"), [("TERMINATED", True), ("WITHDRAWN", True), ("RECRUITING", False)]
)
def test_a_new_study_that_stopped_says_why(state: str, is_told: bool):
    text = text_of(new_item(1, overallStatus=state, whyStopped=REASON))
    assert (f"The study team gave this reason: “{REASON}”" in text) == is_told


@pytest.mark.parametrize("state", ["COMPLETED", "UNKNOWN", "NOT_YET_RECRUITING"])
def test_new_studies_that_take_nobody_are_not_said_to_open_later(state: str):
    one, two = (new_item(number, overallStatus=state) for number in (1, 2))
    lines = [preheader(render(edition(*items), SETTINGS, item_token)) for items in ((one,), (one, two))]
    assert lines == [
        "The new one is not looking for people now.",
        "None of the new ones is looking for people now.",
    ]


@pytest.mark.parametrize(
    ("state", "calls"),
    [("RECRUITING", True), ("ACTIVE_NOT_RECRUITING", False), ("COMPLETED", False), ("WITHDRAWN", False)],
)
def test_nobody_is_told_to_call_a_place_of_a_study_that_takes_nobody(state: str, calls: bool):
    one = told(difference("locations", [place("Lyon")]), overallStatus=state)
    assert (CALL in one.meaning) == calls
    assert one.meaning


@pytest.mark.parametrize(
    ("before", "after", "study", "note"),
    [
        ("WITHDRAWN", None, "RECRUITING", "1 place with new details: Lyon."),
        ("COMPLETED", None, "ACTIVE_NOT_RECRUITING", "1 place with new details: Lyon."),
        ("COMPLETED", "ACTIVE_NOT_RECRUITING", "RECRUITING", "1 place with new details: Lyon."),
        ("RECRUITING", None, "NOT_YET_RECRUITING", "1 place not yet open: Lyon."),
        ("RECRUITING", None, "ENROLLING_BY_INVITATION", "1 place by invitation only: Lyon."),
        ("NOT_YET_RECRUITING", None, "RECRUITING", "1 place with new details: Lyon."),
        ("NOT_YET_RECRUITING", "WITHDRAWN", "RECRUITING", "1 place that will not open: Lyon."),
        (None, "COMPLETED", "RECRUITING", "1 place closed to new people: Lyon."),
        ("SUSPENDED", "RECRUITING", "RECRUITING", "1 place now open: Lyon."),
    ],
)
def test_a_place_is_said_to_close_only_where_it_was_open(
    before: str | None, after: str | None, study: str, note: str
):
    moved = difference("locations", changed=[(place("Lyon", before), place("Lyon", after))])
    assert told(moved, overallStatus=study).note == note


def test_places_close_with_their_study():
    moved = difference("locations", changed=[(place("Lyon"), place("Lyon", None))])
    text = text_of(changed_item(1, moved, status("RECRUITING", "COMPLETED"), overallStatus="COMPLETED"))
    assert "1 place closed to new people: Lyon." in text


@pytest.mark.parametrize(
    ("added", "removed", "note"),
    [
        (["Nice"], ["Nice"], "1 place with new details: Nice."),
        (
            ["Nice", "Nice", "Lyon"],
            ["Nice"],
            "2 places added: Nice and Lyon. 1 place with new details: Nice.",
        ),
        (["Wuhan", "Wuhan"], [], "2 places added in Wuhan."),
        ([], ["Wuhan", "Wuhan"], "2 places removed in Wuhan."),
        (["Wuhan", ""], [], "2 places added: Wuhan and 1 more."),
        ([""], [""], "1 place added. 1 place removed."),
    ],
)
def test_no_city_is_added_and_removed_at_once(added: list[str], removed: list[str], note: str):
    clinics = [place(city, facility="Other Clinic") for city in added]
    assert told(difference("locations", clinics, [place(city) for city in removed])).note == note


def test_a_study_that_ended_did_not_end_as_planned_for_all_we_know():
    one = told(status("RECRUITING", "COMPLETED"))
    assert "planned" not in one.now + one.meaning


@pytest.mark.parametrize("has_results", [True, False])
def test_results_that_are_there_are_not_said_to_come_later(has_results: bool):
    steps = status("RECRUITING", "COMPLETED"), change("hasResults", not has_results, has_results)
    text = text_of(changed_item(1, *steps, overallStatus="COMPLETED", hasResults=has_results))
    assert (YEAR_LATER in text) != has_results
    assert ("Results show what the study found." in text) == has_results


@pytest.mark.parametrize(
    ("step", "note", "is_warned"),
    [
        (difference("references", changed=[(ARTICLE, WITHDRAWN)]), "1 article was withdrawn.", True),
        (difference("references", added=[WITHDRAWN]), "1 article added that was withdrawn.", True),
        (
            difference("references", changed=[(ARTICLE, ARTICLE | {"type": "RESULT"})]),
            "1 article is now listed with the results.",
            False,
        ),
        (difference("references", added=[ARTICLE]), "1 article added.", False),
    ],
)
def test_an_article_that_was_withdrawn_is_told_with_a_warning(step: Change, note: str, is_warned: bool):
    one = told(step)
    assert one.note == note
    assert ("Do not rely on" in one.meaning) == is_warned
    assert ("can tell more" in one.meaning) != is_warned
    assert preview_line(step, status="RECRUITING").startswith("One study has news on its papers.")


ON_TIME, EARLY = dated("2026-10", "ACTUAL"), dated("2026-09-30", "ACTUAL")


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (dated("2026-11"), dated("2027-06-30"), "A later date can mean that answers come later."),
        (dated("2027-06-30"), dated("2027-01"), "now expects this sooner"),
        (dated("2027-06"), dated("2027-06-30"), "plans can change"),
        (None, dated("2027-06"), "plans can change"),
        (dated("2026-11"), ON_TIME, "It has passed."),
        (ON_TIME, EARLY, "corrected a date that has passed"),
        (ON_TIME, dated("2027-01"), "This date is a plan again."),
        (dated("2026-11"), dated("2027-01", "ACTUAL"), "A later date can mean"),
        (dated("2026-11"), None, "may give a new date later"),
    ],
)
@pytest.mark.parametrize("field", ["startDate", "primaryCompletionDate", "completionDate"])
def test_what_a_date_can_mean_is_said_by_the_way_it_moved(field: str, before: Any, after: Any, says: str):
    assert says in told(change(field, before, after), lastUpdatePosted="2026-11-20").meaning


@pytest.mark.parametrize("field", ["armGroups", "interventions", "primaryOutcomes", "secondaryOutcomes"])
def test_what_was_only_worded_anew_is_not_said_to_be_other_care(field: str):
    reworded = difference(field, changed=[({"label": "A"}, {"label": "B"})])
    assert told(reworded).meaning.startswith("The study team edited how it describes")
    assert preview_line(reworded, status="RECRUITING").startswith("One study has new wording.")
    assert not told(difference(field, added=[{"label": "A"}])).meaning.startswith("The study team edited")


def test_care_that_left_the_plan_is_not_said_to_be_in_it():
    assert told(difference("interventions", removed=[{"name": "A"}])).meaning == (
        "The study plan no longer lists this."
    )


@pytest.mark.parametrize("field", ["minimumAge", "maximumAge"])
def test_no_age_means_no_limit(field: str):
    assert told(change(field, None, "18 Years")).before == "no limit given"
    assert told(change(field, "18 Years", None)).now == "no limit given"


@pytest.mark.parametrize(
    ("state", "places"),
    [("NOT_YET_RECRUITING", "Not named yet"), ("WITHDRAWN", "Not named"), ("UNKNOWN", "Not named")],
)
def test_places_are_awaited_only_of_a_study_that_may_still_name_them(state: str, places: str):
    text = text_of(new_item(1, overallStatus=state, locationCount=0, locationsByCountry=[]))
    assert f"Places: {places} People:" in text


def test_a_new_title_is_shown_to_its_end():
    old = "A Study of " + "Many Very Long Words " * 6 + "in Adults"
    one = told(change("briefTitle", old, old.replace("Adults", "Children")))
    assert one.before.endswith("in Adults")
    assert one.now.endswith("in Children")


def test_a_small_edit_is_given_no_meaning():
    assert told(change("minimumAge", "18 years", "18 Years")).meaning == ""


@pytest.mark.parametrize(
    ("step", "twice"),
    [
        (change("briefSummary", "Old", "New"), "edited the text"),
        (change("eligibilityCriteria", "Old", "New"), "who can join have changed"),
        (change("briefTitle", "Old", "New"), "new title"),
        (status("RECRUITING", "WITHDRAWN"), "called off"),
    ],
)
def test_what_a_change_means_is_more_than_what_changed(step: Change, twice: str):
    one = told(step)
    assert twice not in one.meaning.lower()
    assert one.meaning


def test_an_approval_is_told_without_praise():
    text = text_of(changed_item(1, status("AVAILABLE", "APPROVED_FOR_MARKETING"), overallStatus="X"))
    assert "Approved for use" not in text
    assert "Now: Approved for sale in the United States. It is no longer asked for here" in text
    assert "A study you follow has ended" not in text


def test_a_reason_that_comes_later_to_a_study_that_nobody_joined_does_not_speak_to_people_in_it():
    assert told(STOPPED[1], overallStatus="WITHDRAWN").meaning == "Nobody had joined this study."
