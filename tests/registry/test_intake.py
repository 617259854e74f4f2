"""Records in: what makes an event, for whom, and what does not."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.registry import intake
from notifier.registry.intake import take_in
from notifier.registry.records import Rejection
from tests.registry.samples import NOW, SINCE, events, later, partial, place, raw, study, take, targets_of

OLD = {"date": "2019-05-01", "type": "ACTUAL"}


def counts(result: intake.IntakeResult) -> dict[str, int]:
    return {key: value for key, value in result.as_json().items() if key != "rejections" and value}


def test_a_new_study_is_told_to_followers_of_its_conditions_and_to_nobody_else(engine: Engine) -> None:
    assert counts(take(engine, study())) == {"read": 1, "new": 1}
    [event] = events(engine)
    assert (event.kind, event.position, event.occurred_on) == ("new_study", 1, date(2026, 11, 10))
    assert event.study["briefTitle"] == "Tea for Tired Eyes"
    assert event.study["firstSeen"] == "2026-11-22"
    targets = targets_of(engine, event.id)
    assert {kind for kind, _ in targets} == {"condition"}
    assert targets["condition", "Dry Eye"] == 1
    assert targets["condition", "Eye Diseases"] == 4


@pytest.mark.parametrize("first_posted", [OLD, {"date": "2026-10-31"}, None])
def test_a_study_from_before_the_installation_is_known_and_makes_no_event(
    engine: Engine, first_posted: Any
) -> None:
    assert counts(take(engine, study(studyFirstPostDateStruct=first_posted))) == {
        "read": 1,
        "new": 1,
        "known": 1,
    }
    assert events(engine) == []


def test_a_known_study_that_changes_is_told_to_its_followers(engine: Engine) -> None:
    take(engine, study(studyFirstPostDateStruct=OLD))
    changed = later(study(studyFirstPostDateStruct=OLD, overallStatus="TERMINATED", whyStopped="No more tea"))
    assert counts(take(engine, changed)) == {"read": 1, "changed": 1}
    [event] = events(engine)
    assert (event.kind, event.version, event.occurred_on) == (
        "study_changed",
        "2026-11-20/2",
        date(2026, 11, 20),
    )
    assert sorted(event.fields) == ["overallStatus", "whyStopped"]
    assert event.study["overallStatus"] == "TERMINATED"
    assert targets_of(engine, event.id) == {("study", "NCT01234567"): 1}


def test_who_follows_an_id_that_the_study_had_before_is_told_too(engine: Engine) -> None:
    ids = {
        "nctIdAliases": ["nct00000009", "NCT01234567", "no id", "NCT00000009"],
        "studyFirstPostDateStruct": OLD,
    }
    take(engine, study(**ids))
    take(engine, later(study(**ids, overallStatus="TERMINATED")))
    [event] = events(engine)
    assert targets_of(engine, event.id) == {("study", "NCT01234567"): 1, ("study", "NCT00000009"): 1}


def test_two_registrations_that_are_made_one_are_no_news_of_it(engine: Engine) -> None:
    take(engine, study(studyFirstPostDateStruct=OLD))
    result = take(engine, later(study(studyFirstPostDateStruct=OLD, nctIdAliases=["NCT00000009"])))
    assert counts(result) == {"read": 1, "unchanged": 1}


def test_an_old_study_that_gains_a_condition_is_told_to_the_followers_of_that_condition(
    engine: Engine,
) -> None:
    take(engine, study(studyFirstPostDateStruct=OLD))
    gained = later(study(studyFirstPostDateStruct=OLD, conditions=["Dry Eye", "Eye Strain", "Migraine"]))
    take(engine, gained)
    [event] = events(engine)
    assert targets_of(engine, event.id) == {("study", "NCT01234567"): 1, ("condition", "Migraine"): 1}


def test_a_heading_that_the_registry_assigns_later_is_no_news(engine: Engine) -> None:
    take(engine, study(studyFirstPostDateStruct=OLD))
    take(
        engine,
        later(study(studyFirstPostDateStruct=OLD, meshes=[{"id": "D008881", "term": "Migraine Disorders"}])),
    )
    take(
        engine, later(study(studyFirstPostDateStruct=OLD, meshes=[], sex="MALE"), "2026-11-21", "2026-11-22")
    )
    [event] = events(engine)
    assert targets_of(engine, event.id) == {("study", "NCT01234567"): 1}


def test_the_same_file_again_changes_nothing(engine: Engine) -> None:
    records = [study(nctId=f"NCT0000000{number}") for number in range(1, 6)]
    take(engine, *records)
    before = events(engine)
    assert counts(take(engine, *records)) == {"read": 5, "unchanged": 5}
    assert events(engine) == before


def test_a_daily_stamp_is_noise_but_is_remembered(engine: Engine) -> None:
    take(engine, study())
    assert counts(take(engine, study(versionHolder="2026-11-19"))) == {"read": 1, "unchanged": 1}
    with engine.connect() as conn:
        row = conn.execute(text("SELECT revision, data_date FROM studies")).one()
    assert tuple(row) == (1, date(2026, 11, 19))
    stale = study(versionHolder="2026-11-15", overallStatus="COMPLETED")
    assert counts(take(engine, stale)) == {"read": 1, "older": 1}


@pytest.mark.parametrize(
    "stale", [later(study(sex="MALE"), "2026-11-19"), later(study(sex="MALE"), taken="2026-11-20")]
)
def test_an_older_version_is_left_out_and_named(engine: Engine, stale: Any) -> None:
    take(engine, later(study()))
    result = take(engine, study(nctId="NCT00000001"), stale)
    assert (result.older, result.changed, result.read) == (1, 0, 2)
    assert result.rejections == [Rejection("sample.ndjson", 2, intake.OLDER)]


def test_a_silent_change_is_told_with_the_day_on_which_it_was_seen(engine: Engine) -> None:
    take(engine, study())
    take(engine, study(overallStatus="UNKNOWN", versionHolder="2026-11-18"))
    event = events(engine)[-1]
    assert (event.fields, event.occurred_on) == (["overallStatus"], date(2026, 11, 18))


def test_one_bad_record_does_not_keep_out_the_rest(engine: Engine) -> None:
    heard: list[Rejection] = []
    records = raw([study(), {"protocolSection": []}, study(nctId="nct00000002 "), study(nctId="NCT1"), 7])
    records.insert(1, Rejection("sample.ndjson", 9, "not valid JSON"))
    result = take_in(engine, records, since=SINCE, now=NOW, on_rejection=heard.append)
    assert counts(result) == {"read": 6, "new": 2, "rejected": 4}
    assert heard == result.rejections
    assert [rejection.line for rejection in heard] == [9, 2, 4, 5]
    assert "protocolSection is a list" in heard[1].reason


def test_the_summary_keeps_some_rejections_and_the_listener_hears_of_all(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "KEPT_REJECTIONS", 2)
    heard: list[Rejection] = []
    result = take_in(engine, raw([{}] * 5), since=SINCE, now=NOW, on_rejection=heard.append)
    assert (len(result.rejections), len(heard), result.rejected) == (2, 5, 5)


def test_versions_of_one_study_in_one_file_are_taken_in_order(engine: Engine) -> None:
    versions = [
        study(),
        later(study(sex="MALE")),
        later(study(sex="FEMALE"), "2026-11-21", "2026-11-22"),
        study(),
    ]
    assert counts(take(engine, *versions)) == {"read": 4, "new": 1, "changed": 2, "older": 1}
    assert [event.version for event in events(engine)] == ["2026-11-10/1", "2026-11-20/2", "2026-11-21/3"]


def test_a_second_sight_of_a_study_already_stored_in_one_file(engine: Engine) -> None:
    take(engine, study())
    versions = [study(), later(study(sex="MALE")), later(study(sex="MALE"), taken="2026-11-22")]
    assert counts(take(engine, *versions)) == {"read": 3, "changed": 1, "unchanged": 2}


def test_a_start_date_that_slides_every_day_makes_one_event(engine: Engine) -> None:
    first = date(2026, 11, 10)
    for day in range(35):
        start = {"date": str(date(2026, 12, 1) + timedelta(days=day)), "type": "ESTIMATED"}
        posted = str(first + timedelta(days=day))
        take(engine, later(study(startDateStruct=start), posted, posted))
    [_, event] = events(engine)
    [change] = event.changes
    assert (change["before"]["date"], change["after"]["date"]) == ("2026-12-01", "2026-12-31")


def test_a_change_that_is_taken_back_after_a_small_one_is_told_from_what_was_told(engine: Engine) -> None:
    take(engine, study(enrollmentInfo={"count": 200, "type": "ESTIMATED"}))
    for number, (count, told) in enumerate([(215, 1), (205, 1), (200, 1), (215, 1), (225, 2)]):
        posted = f"2026-11-{11 + number}"
        take(engine, later(study(enrollmentInfo={"count": count, "type": "ESTIMATED"}), posted, posted))
        assert len(events(engine)) == told
    [change] = events(engine)[-1].changes
    assert (change["before"]["count"], change["after"]["count"]) == (200, 225)


def test_a_study_that_closes_and_opens_again_does_not_tell_its_places_anew(engine: Engine) -> None:
    silent = [place("North Hospital", "Oslo", status=None)]
    open_places = [place("North Hospital", "Oslo")]
    take(engine, study(locations=open_places))
    take(engine, later(study(locations=silent, overallStatus="UNKNOWN")))
    take(engine, later(study(locations=open_places), "2026-11-21", "2026-11-22"))
    assert [event.fields for event in events(engine)] == [[], ["overallStatus"], ["overallStatus"]]


def test_a_partial_record_changes_only_what_it_gives(engine: Engine) -> None:
    take(engine, study())
    assert counts(take(engine, partial(overallStatus="RECRUITING"))) == {"read": 1, "unchanged": 1}
    assert counts(take(engine, partial(overallStatus="SUSPENDED"))) == {"read": 1, "changed": 1}
    assert counts(take(engine, later(study(overallStatus="SUSPENDED")))) == {"read": 1, "unchanged": 1}
    assert [event.fields for event in events(engine)] == [[], ["overallStatus"]]


def test_what_a_partial_record_never_gave_is_adopted_silently(engine: Engine) -> None:
    take(engine, partial(overallStatus="RECRUITING", studyFirstPostDateStruct=OLD))
    assert counts(take(engine, study(studyFirstPostDateStruct=OLD))) == {"read": 1, "unchanged": 1}
    assert events(engine) == []


def test_a_condition_of_three_thousand_characters_harms_nothing(engine: Engine) -> None:
    assert counts(take(engine, study(conditions=["eye " * 750, "Dry Eye"]))) == {"read": 1, "new": 1}
    [event] = events(engine)
    assert ("condition", "Dry Eye") in targets_of(engine, event.id)


def test_a_study_without_conditions_makes_an_event_that_nobody_follows(engine: Engine) -> None:
    take(engine, study(conditions=None, keywords=None, meshes=None, ancestors=None))
    [event] = events(engine)
    assert targets_of(engine, event.id) == {}


def test_text_that_the_database_cannot_hold_is_cleaned(engine: Engine) -> None:
    take(engine, study(briefTitle="Tea\u0000 for \u0007Tired Eyes", conditions=["Dry\u0000 Eye"]))
    assert events(engine)[0].study["briefTitle"] == "Tea for Tired Eyes"


def test_very_large_records_are_stored_a_few_at_a_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_BYTES", 1)
    assert counts(take(engine, *(study(nctId=f"NCT0000000{n}") for n in range(1, 5)))) == {
        "read": 4,
        "new": 4,
    }
    assert [event.position for event in events(engine)] == [1, 2, 3, 4]


def test_the_conditions_of_known_studies_can_be_found_and_followed(engine: Engine) -> None:
    take(engine, study(), since=NOW.date() + timedelta(days=1))
    with engine.connect() as conn:
        assert conn.scalar(text("SELECT count(*) FROM change_events")) == 0
        assert conn.scalar(text("SELECT count(*) FROM targets WHERE kind = 'condition'")) > 0


@pytest.mark.parametrize("odd", ["NCT00000009", [None], [5], {}])
def test_former_ids_that_are_none_reject_no_record(engine: Engine, odd: object) -> None:
    assert counts(take(engine, study(nctIdAliases=odd))) == {"read": 1, "new": 1}
