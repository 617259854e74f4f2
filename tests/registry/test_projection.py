"""Records of any shape: read, or rejected with a reason; never a traceback."""

from copy import deepcopy
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.registry.comparison import compare
from notifier.registry.projection import project
from notifier.registry.records import BadRecord
from notifier.registry.rules import COMPARED
from notifier.registry.snapshot import snapshot
from tests.registry.samples import partial, place, study


def test_a_full_record_has_every_fact() -> None:
    version = project(study())
    assert not version.is_partial
    assert set(COMPARED) < set(version.facts)
    assert (version.updated_on, version.data_date) == (date(2026, 11, 10), date(2026, 11, 12))
    assert version.first_posted_on == date(2026, 11, 10)


def test_a_partial_record_has_only_what_it_gives() -> None:
    version = project(partial(overallStatus="RECRUITING", enrollmentInfo={"count": 3}))
    assert version.is_partial
    assert version.facts == {"overallStatus": "RECRUITING", "enrollment": {"count": 3, "type": None}}


@pytest.mark.parametrize("given_id", ["nct01234567", "  NCT01234567\n", "Nct01234567 "])
def test_an_nct_id_is_taken_in_lower_case_and_with_spaces(given_id: str) -> None:
    assert project(study(nctId=given_id)).nct_id == "NCT01234567"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "the record is null; it should be an object"),
        ([], "the record is a list; it should be an object"),
        ("NCT01234567", "the record is text; it should be an object"),
        ({}, "there is no NCT id"),
        (study(nctId=None), "there is no NCT id"),
        (study(nctId="NCT1234567"), "'NCT1234567' is not an NCT id; one looks like NCT01234567"),
        (study(nctId="NCT０1234567"), "is not an NCT id"),
        (study(nctId=1234567), "identificationModule.nctId is a number; it should be text"),
        (
            study(startDateStruct={"date": "December 2026"}),
            "startDateStruct.date is 'December 2026'; a date looks like",
        ),
        (study(startDateStruct={"date": "2026-02-30"}), "a date looks like 2024-02-21, 2024-02 or 2024"),
        (
            study(startDateStruct="2026"),
            "protocolSection.statusModule.startDateStruct is text; it should be an object",
        ),
        (study(enrollmentInfo={"count": "200"}), "enrollmentInfo.count is text; it should be a whole number"),
        (study(enrollmentInfo={"count": True}), "it should be a whole number"),
        (study(conditions=["Dry Eye", 7]), "conditions holds a number; it should be a list of texts"),
        (study(conditions="Dry Eye"), "conditions is text; it should be a list"),
        (
            study(locations=[{"city": 5}]),
            "contactsLocationsModule.locations[0].city is a number; it should be text",
        ),
        (study(locations=[place("A", "B"), "C"]), "locations[1] is text; it should be an object"),
        (study(healthyVolunteers="no"), "healthyVolunteers is text; it should be true or false"),
    ],
)
def test_a_record_that_is_wrong_is_rejected_with_the_field_and_the_remedy(record: Any, reason: str) -> None:
    with pytest.raises(BadRecord) as bad:
        project(record)
    assert reason in bad.value.reason


@pytest.mark.parametrize("day", ["2024", "2024-02", "2024-02-21"])
def test_dates_are_kept_as_finely_as_they_are_given(day: str) -> None:
    assert project(study(startDateStruct={"date": day})).facts["startDate"] == {"date": day, "type": None}


def test_padded_mesh_ids_are_the_same_id() -> None:
    padded, nine_digits = {"id": "D000003924", "term": "a"}, {"id": "D000077195", "term": "b"}
    meshes = project(study(meshes=[padded, nine_digits])).facts["meshes"]
    assert [mesh["id"] for mesh in meshes] == ["D003924", "D000077195"]


def test_the_order_of_places_makes_no_other_version() -> None:
    places = [place("North", "Oslo"), place("South", "Lyon"), {"city": "Rome"}]
    assert project(study(locations=places)).digest == project(study(locations=places[::-1])).digest


def test_a_record_without_conditions_is_fine() -> None:
    assert project(study(conditions=None)).facts["conditions"] == []


def test_a_card_shows_whole_sentences() -> None:
    summary = "One sentence. " * 30 + "And a last one that is much too long. " * 20
    shown = snapshot("NCT01234567", project(study(briefSummary=summary)).facts, date(2026, 11, 22))
    assert len(shown["briefSummary"]) <= 600
    assert shown["briefSummary"].endswith(".")
    assert shown["firstSeen"] == "2026-11-22"


def test_places_are_counted_by_country_most_first() -> None:
    places = [place("North", "Oslo", country) for country in ("Norway", "France", "Norway", "Italy")]
    facts = project(study(locations=[*places, {"city": "Rome"}])).facts
    shown = snapshot("NCT01234567", facts, date(2026, 11, 22))
    assert shown["locationsByCountry"] == [["Norway", 2], ["France", 1], ["Italy", 1]]
    assert shown["locationCount"] == 5


def test_a_card_of_almost_nothing_has_all_its_fields() -> None:
    shown = snapshot("NCT01234567", project(partial(overallStatus="RECRUITING")).facts, date(2026, 11, 22))
    assert set(shown) == set(snapshot("NCT01234567", project(study()).facts, date(2026, 11, 22)))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(found for key, child in children for found in _paths(child, (*path, key)))]


PATHS = _paths(study())[1:]


@given(st.lists(st.tuples(st.sampled_from(PATHS), json_values), min_size=1, max_size=3))
def test_whatever_stands_where_in_a_record_it_is_read_or_rejected(
    edits: list[tuple[tuple[Any, ...], Any]],
) -> None:
    record = study()
    for path, value in edits:
        place_in = record
        try:
            for key in path[:-1]:
                place_in = place_in[key]
            place_in[path[-1]] = deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier edit took this path away
    try:
        version = project(record)
    except BadRecord:
        return
    assert orjson.loads(version.encoded) == version.facts
    compare(project(study()).facts, version.facts)
    compare(version.facts, project(study()).facts)
    snapshot(version.nct_id, version.facts, date(2026, 11, 22))


@given(json_values)
def test_any_json_is_read_or_rejected(value: Any) -> None:
    with pytest.raises(BadRecord):
        project(value)
