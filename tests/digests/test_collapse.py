"""Many events of one study in one digest: what is left of them."""

from dataclasses import replace
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.digests.collapse import collapse
from notifier.digests.content import Change, Item, Reason
from notifier.digests.sample_parts import (
    CARD,
    CONDITION,
    EVERYTHING,
    LATER,
    OPENED,
    SUMMARY,
    change,
    changed_item,
    difference,
    new_item,
    place,
    reason,
)


def events(*steps: Change | tuple[Change, ...]) -> list[Item]:
    """One event a step, of one study."""
    each = [step if isinstance(step, tuple) else (step,) for step in steps]
    return [replace(changed_item(1, *changes), position=number) for number, changes in enumerate(each)]


def net(*steps: Change | tuple[Change, ...]) -> tuple[Change, ...]:
    return collapse(events(*steps))[0].changes


def test_a_value_that_changed_twice_is_told_from_first_to_last():
    steps = (
        change("overallStatus", "RECRUITING", "SUSPENDED"),
        change("overallStatus", "SUSPENDED", "TERMINATED"),
    )
    assert net(*steps) == (change("overallStatus", "RECRUITING", "TERMINATED"),)


def test_events_are_put_in_order_of_their_position():
    last, first = (
        change("sex", "MALE", "ALL"),
        change("sex", "FEMALE", "MALE"),
    )
    early, late = events(first, last)
    assert collapse([late, early])[0].changes == (change("sex", "FEMALE", "ALL"),)


def test_what_goes_back_to_where_it_was_is_not_told():
    back = change("overallStatus", "RECRUITING", "NOT_YET_RECRUITING")
    assert net(OPENED, (back, LATER)) == (LATER,)


def test_a_study_with_no_change_left_is_dropped():
    back = change("overallStatus", "RECRUITING", "NOT_YET_RECRUITING")
    other = changed_item(2, SUMMARY)
    assert collapse([*events(OPENED, back), other]) == (other,)


@pytest.mark.parametrize(
    ("steps", "added", "removed", "changed"),
    [
        ([{"added": ["Lyon"]}, {"removed": ["Lyon"], "added": ["Nice"]}], ["Nice"], [], []),
        ([{"removed": ["Lyon"]}, {"added": ["Lyon", "Nice"]}], ["Nice"], [], []),
        ([{"added": ["Lyon"]}, {"added": ["Nice"]}], ["Lyon", "Nice"], [], []),
        ([{"removed": ["Lyon"]}, {"removed": ["Nice"]}], [], ["Lyon", "Nice"], []),
        ([{"added": ["Lyon"]}, {"changed": [("Lyon", "Lyon/SUSPENDED")]}], ["Lyon/SUSPENDED"], [], []),
        ([{"changed": [("Lyon", "Lyon/SUSPENDED")]}, {"removed": ["Lyon/SUSPENDED"]}], [], ["Lyon"], []),
        (
            [{"changed": [("Lyon", "Lyon/SUSPENDED")]}, {"changed": [("Lyon/SUSPENDED", "Lyon/COMPLETED")]}],
            [],
            [],
            [("Lyon", "Lyon/COMPLETED")],
        ),
        ([{"removed": ["Lyon"]}, {"added": ["Lyon/COMPLETED"]}], [], [], [("Lyon", "Lyon/COMPLETED")]),
        ([{"changed": [("Lyon", "Metz")]}, {"removed": ["Metz"]}], [], ["Lyon"], []),
    ],
)
def test_differences_of_a_list_add_up(steps, added, removed, changed):
    differences = [
        difference(
            "locations",
            added=[_place(name) for name in step.get("added", [])],
            removed=[_place(name) for name in step.get("removed", [])],
            changed=[(_place(before), _place(after)) for before, after in step.get("changed", [])],
        )
        for step in steps
    ]
    wanted = difference(
        "locations",
        added=[_place(name) for name in added],
        removed=[_place(name) for name in removed],
        changed=[(_place(before), _place(after)) for before, after in changed],
    )
    assert net(*differences) == (wanted,)


def test_places_of_the_same_name_are_counted_one_by_one():
    site = place("Lyon", facility="Research Site")
    steps = difference("locations", added=[site, site, site]), difference("locations", removed=[site])
    assert net(*steps)[0]["added"] == [site, site]


def test_a_condition_that_comes_back_in_other_words_was_never_gone():
    steps = (
        difference("conditions", removed=["Lung Cancer"]),
        difference("conditions", added=["lung  cancer"]),
    )
    assert collapse(events(*steps)) == ()


def new_and_then(*reasons: Reason) -> Item:
    later = replace(changed_item(0, OPENED), nct_id="NCT06000001", position=2000, reasons=reasons)
    [item] = collapse([new_item(1, overallStatus="NOT_YET_RECRUITING"), later])
    return item


def test_a_new_study_that_changed_in_the_same_period_is_one_new_study_as_it_stands_now():
    item = new_and_then(reason("condition", CONDITION, 2))
    assert (item.kind, item.changes) == ("new_study", ())
    assert item.study["overallStatus"] == "RECRUITING"


def test_a_new_study_that_is_followed_already_is_told_by_its_change():
    item = new_and_then(reason("study", "NCT06000001", 1))
    assert (item.kind, item.changes) == ("study_changed", (OPENED,))
    assert [reason.kind for reason in item.reasons] == ["condition", "study"]


def test_a_new_study_that_is_followed_and_changed_back_is_still_new():
    back = change("overallStatus", "RECRUITING", "NOT_YET_RECRUITING")
    steps = [replace(one, nct_id="NCT06000001", position=2000 + one.position) for one in events(OPENED, back)]
    assert [item.kind for item in collapse([new_item(1), *steps])] == ["new_study"]


@pytest.mark.parametrize(
    ("steps", "status"),
    [
        ([("overallStatus", "SUSPENDED", "RECRUITING"), ("whyStopped", "No staff", None)], "RECRUITING"),
        ([("overallStatus", "SUSPENDED", "RECRUITING"), ("whyStopped", "No staff", "None.")], "RECRUITING"),
        ([("overallStatus", "TERMINATED", "COMPLETED"), ("whyStopped", "No staff", None)], "COMPLETED"),
    ],
)
def test_why_it_stopped_is_no_news_of_a_study_that_did_not(steps, status: str):
    [item] = collapse([changed_item(1, *(change(*step) for step in steps), overallStatus=status)])
    assert [one["field"] for one in item.changes] == ["overallStatus"]


def test_a_stop_that_was_taken_back_leaves_nothing_to_tell():
    stopped = change("overallStatus", "RECRUITING", "SUSPENDED"), change("whyStopped", None, "No staff")
    back = change("overallStatus", "SUSPENDED", "RECRUITING")
    assert collapse(events(stopped, back)) == ()
    assert collapse([changed_item(1, change("whyStopped", None, "No staff"))]) == ()


def test_a_study_that_matched_twice_has_both_reasons_each_with_its_best_evidence():
    item = new_item(1, reason("condition", CONDITION, 4))
    again = replace(item, reasons=(reason("condition", "Throat Tumor", 1), reason("condition", CONDITION, 2)))
    [merged] = collapse([item, again])
    assert merged.reasons == (reason("condition", CONDITION, 2), reason("condition", "Throat Tumor", 1))


def test_an_event_that_matched_twice_counts_once():
    added = difference("locations", added=[place("Lyon")])
    item = changed_item(1, added)
    assert collapse([item, replace(item, reasons=(reason("condition", CONDITION, 1),))])[0].changes == (
        added,
    )


def test_the_latest_card_and_day_are_kept():
    early, late = events(OPENED, LATER)
    [item] = collapse([replace(early, card=CARD), replace(late, occurred_on=date(2026, 11, 21))])
    assert (item.card, item.occurred_on) == (CARD, date(2026, 11, 21))


@given(st.lists(st.lists(st.sampled_from(EVERYTHING), min_size=1, max_size=4), max_size=5))
def test_collapsing_twice_changes_nothing(steps: list[list[Change]]):
    once = collapse(events(*map(tuple, steps)))
    assert collapse(once) == once


CITIES = st.sets(st.sampled_from(["Lyon", "Nice", "Metz", "Lille", "Turin"]))


@given(st.lists(CITIES, min_size=2, max_size=6))
def test_any_way_from_one_list_to_another_gives_their_difference(lists: list[set[str]]):
    steps = [
        difference(
            "locations", [place(city) for city in after - before], [place(city) for city in before - after]
        )
        for before, after in pairwise(lists)
    ]
    merged = collapse(events(*steps))
    changes = merged[0].changes if merged else ()
    added = {item["city"] for one in changes for item in one["added"]}
    removed = {item["city"] for one in changes for item in one["removed"]}
    assert (added, removed) == (lists[-1] - lists[0], lists[0] - lists[-1])


def _place(name: str) -> dict[str, object]:
    city, _, status = name.partition("/")
    return place(city, status or "RECRUITING")
