"""What followers are told, and what they are spared: invented samples for each kind of change."""

from typing import Any

import pytest

from notifier.registry.comparison import compare, next_baseline, told_facts
from notifier.registry.projection import project
from tests.registry.samples import Record, later, partial, study


def changes(before: Record, after: Record) -> dict[str, Any]:
    return {change["field"]: change for change in compare(project(before).facts, project(after).facts)}


def dated(day: str, kind: str = "ESTIMATED") -> Record:
    return {"date": day, "type": kind}


@pytest.mark.parametrize(
    ("key", "value", "field", "before", "after"),
    [
        ("overallStatus", "COMPLETED", "overallStatus", "RECRUITING", "COMPLETED"),
        ("whyStopped", "Not enough people joined", "whyStopped", None, "Not enough people joined"),
        ("startDateStruct", dated("2027-01-05"), "startDate", dated("2026-12-01"), dated("2027-01-05")),
        ("startDateStruct", None, "startDate", dated("2026-12-01"), None),
        (
            "startDateStruct",
            dated("2026-12-02", "ACTUAL"),
            "startDate",
            dated("2026-12-01"),
            dated("2026-12-02", "ACTUAL"),
        ),
        (
            "primaryCompletionDateStruct",
            dated("2028-04"),
            "primaryCompletionDate",
            dated("2028-03"),
            dated("2028-04"),
        ),
        (
            "completionDateStruct",
            dated("2028-09-30"),
            "completionDate",
            dated("2028-06"),
            dated("2028-09-30"),
        ),
        (
            "enrollmentInfo",
            {"count": 221, "type": "ESTIMATED"},
            "enrollment",
            {"count": 200, "type": "ESTIMATED"},
            {"count": 221, "type": "ESTIMATED"},
        ),
        (
            "enrollmentInfo",
            {"count": 200, "type": "ACTUAL"},
            "enrollment",
            {"count": 200, "type": "ESTIMATED"},
            {"count": 200, "type": "ACTUAL"},
        ),
        ("minimumAge", "12 Years", "minimumAge", "18 Years", "12 Years"),
        ("maximumAge", None, "maximumAge", "65 Years", None),
        ("sex", "FEMALE", "sex", "ALL", "FEMALE"),
        ("healthyVolunteers", True, "healthyVolunteers", False, True),
        ("phases", ["PHASE2", "PHASE3"], "phases", ["PHASE2"], ["PHASE2", "PHASE3"]),
        ("briefTitle", "Coffee for Tired Eyes", "briefTitle", "Tea for Tired Eyes", "Coffee for Tired Eyes"),
        ("hasResults", True, "hasResults", False, True),
        ("leadSponsor", {"name": "Other Institute"}, "leadSponsor", "Example Institute", "Other Institute"),
    ],
)
def test_a_change_is_told_with_what_was_and_what_is(
    key: str, value: Any, field: str, before: Any, after: Any
) -> None:
    assert changes(study(), study(**{key: value})) == {
        field: {"field": field, "before": before, "after": after}
    }


@pytest.mark.parametrize(
    "key", ["eligibilityCriteria", "briefSummary", "detailedDescription", "officialTitle"]
)
def test_a_new_wording_is_told(key: str) -> None:
    assert set(changes(study(), study(**{key: "Something else now"}))) == {key}


@pytest.mark.parametrize(
    "fields",
    [
        {"statusVerifiedDate": "2026-11"},
        {"versionHolder": "2026-11-20"},
        {"lastUpdatePostDateStruct": {"date": "2026-11-20", "type": "ESTIMATED"}},
        {"meshes": [{"id": "D000015352", "term": "Dry Eye Syndromes"}]},
        {"meshes": []},
        {"ancestors": []},
        {"keywords": ["green tea"]},
        {"startDateStruct": dated("2026-12-02")},
        {"startDateStruct": dated("2026-12")},
        {"startDateStruct": dated("2026-12-30")},
        {"primaryCompletionDateStruct": dated("2028-03-31")},
        {"enrollmentInfo": {"count": 220, "type": "ESTIMATED"}},
        {"briefTitle": "Tea for tired eyes."},
        {
            "eligibilityCriteria": "INCLUSION CRITERIA\n- Age ≥ 18 years\n"
            "- Tired eyes\nExclusion criteria\n- Tea allergy"
        },
        {
            "eligibilityCriteria": "Inclusion Criteria:\n\n* Age &gt;= 18 years\n"
            "* Tired eyes\n\nExclusion Criteria:\n\n* Tea allergy"
        },
        {"conditions": ["Eye Strain", "dry eye", "Dry Eye"]},
        {"centralContacts": [{"name": "Alex Doe", "phone": "+1-555-0100", "email": "Alex@example.org"}]},
        {
            "references": [
                {"pmid": "100", "type": "BACKGROUND", "citation": "DOE A. Tea and eyes. Journal of Tea 2020"}
            ]
        },
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_noise_is_not_told(fields: dict[str, Any]) -> None:
    assert changes(study(), later(study(**fields))) == {}


def test_the_order_of_a_list_means_nothing() -> None:
    shuffled = study()
    for module, key in (
        ("armsInterventionsModule", "armGroups"),
        ("contactsLocationsModule", "locations"),
        ("conditionsModule", "conditions"),
    ):
        shuffled["protocolSection"][module][key].reverse()
    assert changes(study(), shuffled) == {}


def test_a_condition_that_is_added_is_named() -> None:
    change = changes(study(), study(conditions=["Dry Eye", "Eye Strain", "Migraine"]))["conditions"]
    assert (change["added"], change["removed"]) == (["Migraine"], [])


def test_an_outcome_that_is_reworded_is_changed_and_not_replaced() -> None:
    new = {"measure": "Eye comfort score", "timeFrame": "24 weeks", "description": "0 to 100"}
    change = changes(study(), study(primaryOutcomes=[new]))["primaryOutcomes"]
    assert (change["added"], change["removed"]) == ([], [])
    assert change["changed"][0]["after"] == new
    assert change["before"][0]["timeFrame"] == "12 weeks"


def test_an_outcome_of_another_kind_is_one_removed_and_one_added() -> None:
    new = {"measure": "Blood pressure", "timeFrame": "One year"}
    change = changes(study(), study(primaryOutcomes=[new]))["primaryOutcomes"]
    assert (len(change["added"]), len(change["removed"]), change["changed"]) == (1, 1, [])


def test_a_drug_that_is_added_to_an_arm_is_told() -> None:
    arms = study()["protocolSection"]["armsInterventionsModule"]["armGroups"]
    arms[1]["interventionNames"] = ["Drug: Honey"]
    assert set(changes(study(), study(armGroups=arms))) == {"armGroups"}


def test_a_new_publication_is_told_and_a_background_paper_that_became_a_result() -> None:
    old = study()["protocolSection"]["referencesModule"]["references"][0]
    new = {"pmid": "200", "type": "DERIVED", "citation": "Roe B. Tea works. 2026."}
    change = changes(study(), study(references=[{**old, "type": "RESULT"}, new]))["references"]
    assert [item["pmid"] for item in change["added"]] == ["200"]
    assert [pair["after"]["type"] for pair in change["changed"]] == ["RESULT"]


def test_a_retraction_is_told() -> None:
    old = study()["protocolSection"]["referencesModule"]["references"][0]
    change = changes(study(), study(references=[{**old, "retractions": [{"pmid": "300"}]}]))["references"]
    assert change["changed"][0]["after"]["retracted"] is True


def test_a_document_and_its_new_version_are_told() -> None:
    def documents(day: str) -> Record:
        return {
            "largeDocumentModule": {
                "largeDocs": [{"typeAbbrev": "Prot", "label": "Protocol", "date": day, "size": 1}]
            }
        }

    assert changes(study(), study(documentSection=documents("2026-01-01")))["largeDocuments"]["added"]
    change = changes(
        study(documentSection=documents("2026-01-01")), study(documentSection=documents("2026-05-01"))
    )
    assert change["largeDocuments"]["changed"][0]["after"] == {
        "type": "Prot",
        "label": "Protocol",
        "date": "2026-05-01",
    }


def test_a_new_contact_is_told_and_nothing_of_the_person_is_kept() -> None:
    other = [{"name": "Sam Roe", "phone": "+1 555 0101", "email": "sam@example.org"}]
    change = changes(study(), study(centralContacts=other))["centralContacts"]
    assert len(change["added"]) == len(change["removed"]) == 1
    kept = str(project(study()).facts) + str(change)
    assert not any(word in kept for word in ("Alex", "alex@", "0100", "Sam", "sam@", "0101"))


def test_a_partial_record_takes_nothing_away() -> None:
    assert changes(study(), partial(overallStatus="RECRUITING")) == {}
    assert set(changes(study(), partial(overallStatus="SUSPENDED"))) == {"overallStatus"}


def test_a_partial_record_can_say_that_something_is_gone() -> None:
    gone = partial(overallStatus="RECRUITING")
    gone["protocolSection"]["eligibilityModule"] = {"maximumAge": None}
    assert set(changes(study(), gone)) == {"maximumAge"}


def test_facts_that_an_older_version_did_not_have_are_adopted_silently() -> None:
    facts = project(study()).facts
    assert compare({key: value for key, value in facts.items() if key != "largeDocuments"}, facts) == []


def _follow(*starts: str) -> list[Any]:
    """What followers are told while the start date takes these values, one after the other."""
    facts, baseline, told = project(study(startDateStruct=dated(starts[0]))).facts, {}, []
    for start in starts[1:]:
        new = project(study(startDateStruct=dated(start))).facts
        believed = told_facts(facts, baseline)
        found = compare(believed, new)
        facts, baseline = new, next_baseline(believed, new, found)
        told += [change["after"]["date"] for change in found]
    return told


def test_a_start_date_that_slides_a_day_at_a_time_is_told_when_it_has_moved_far_enough() -> None:
    november = [f"2026-11-{day:02}" for day in range(1, 31)]
    december = [f"2026-12-{day:02}" for day in range(1, 32)]
    assert _follow(*november, *december) == ["2026-12-01", "2026-12-31"]


def test_what_goes_back_to_where_it_was_is_not_told() -> None:
    assert _follow("2026-12-01", "2026-12-20", "2026-12-01", "2026-12-25", "2026-12-01") == []


def test_the_baseline_holds_only_what_followers_do_not_know_yet() -> None:
    told = project(study()).facts
    new = project(study(startDateStruct=dated("2026-12-05"), overallStatus="COMPLETED", keywords=["x"])).facts
    assert next_baseline(told, new, compare(told, new)) == {"startDate": dated("2026-12-01")}
    assert told_facts(new, {"startDate": dated("2026-12-01")})["startDate"] == dated("2026-12-01")
