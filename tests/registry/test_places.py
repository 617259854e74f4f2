"""Places opened, closed, renamed; and what only looks like that."""

from notifier.registry.keyed import ListDiff
from notifier.registry.places import compare_places
from notifier.registry.projection import project
from tests.registry.samples import Record, place, study


def diff(
    before: list[Record], after: list[Record], was: str = "RECRUITING", now: str = "RECRUITING"
) -> ListDiff:
    old, new = (project(study(locations=places)).facts["locations"] for places in (before, after))
    return compare_places(old, new, was, now)


def test_places_that_came_went_and_opened_are_told_apart() -> None:
    before = [
        place("North", "Oslo"),
        place("South", "Bergen"),
        place("West", "Bodø", status="NOT_YET_RECRUITING"),
    ]
    after = [place("West", "Bodø"), place("North", "Oslo"), place("East", "Lyon", "France")]
    found = diff(before, after)
    assert [item["facility"] for item in found.added] == ["East"]
    assert [item["facility"] for item in found.removed] == ["South"]
    assert [(old["status"], new["status"]) for old, new in found.changed] == [
        ("NOT_YET_RECRUITING", "RECRUITING")
    ]


def test_a_facility_that_was_renamed_is_changed() -> None:
    found = diff([place("North Hospital", "Oslo")], [place("Oslo University Hospital", "Oslo")])
    assert (found.added, found.removed, len(found.changed)) == ([], [], 1)


def test_a_facility_renamed_and_closed_at_once_is_told_as_one() -> None:
    found = diff(
        [place("North Hospital", "Oslo")], [place("North Hospital, Oslo", "Oslo", status="COMPLETED")]
    )
    assert (found.added, found.removed, len(found.changed)) == ([], [], 1)


def test_another_spelling_is_nothing() -> None:
    before = [
        place("Hôpital  Nord", "Montréal", "Canada"),
        place("Site 12 - Clinic", "Xi'an City", "China"),
        place("ICO l'Hospital", "Seoul", "Korea, Republic of"),
        place("City Hospital", "Ankara", "Turkey"),
    ]
    after = [
        place("HOPITAL NORD", "Montreal", "Canada"),
        place("Site 12, Clinic", "Xi'an", "China"),
        place("Ico l'Hospital", "Seoul", "South Korea"),
        place("City Hospital", "Ankara", "Turkey (Türkiye)"),
    ]
    assert not diff(before, after)


def test_two_places_of_one_name_in_one_city_are_counted() -> None:
    found = diff(
        [place("Research Site", "Berlin", "Germany")], [place("Research Site", "Berlin", "Germany")] * 2
    )
    assert (len(found.added), found.removed, found.changed) == (1, [], [])


def test_a_research_site_in_another_city_is_another_place() -> None:
    found = diff([place("Research Site", "Brisbane")], [place("Research Site", "Taichung", "Taiwan")])
    assert (len(found.added), len(found.removed)) == (1, 1)


def test_statuses_that_go_when_the_study_closes_are_nothing() -> None:
    before = [place("North", "Oslo"), place("South", "Bergen", status="NOT_YET_RECRUITING")]
    after = [place("North", "Oslo", status=None), place("South", "Bergen", status=None)]
    assert not diff(before, after, "RECRUITING", "COMPLETED")
    assert not diff(after, before[:1] + after[1:], "RECRUITING", "RECRUITING")


def test_a_status_that_goes_while_the_study_is_open_is_told() -> None:
    assert diff([place("North", "Oslo", status="SUSPENDED")], [place("North", "Oslo", status=None)])


def test_the_one_place_that_opens_with_the_study_is_told() -> None:
    before = [
        place("North", "Oslo", status="NOT_YET_RECRUITING"),
        place("South", "Bergen", status="NOT_YET_RECRUITING"),
    ]
    after = [place("North", "Oslo"), before[1]]
    found = diff(before, after, "NOT_YET_RECRUITING", "RECRUITING")
    assert [new["facility"] for _, new in found.changed] == ["North"]


def test_hundreds_of_places_on_both_sides_are_compared_at_once() -> None:
    before = [place(f"Hospital {number}", f"Town {number}") for number in range(1500)]
    after = [place(f"Klinik {number}", f"Ville {number}") for number in range(1500)]
    found = diff(before, after)
    assert (len(found.added), len(found.removed)) == (1500, 1500)
