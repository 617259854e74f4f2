"""What the site pushes: cards and change events, one bad item never keeping out the rest."""

from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.registry.positions import assign_positions
from notifier.registry.push import PushResult, store_cards, store_pushed_events
from tests.registry.samples import NOW, events, later, study, take, targets_of

CARD = {
    "nct_id": "NCT01234567",
    "question": "Does tea help?",
    "summary": "People drink tea.\nThen they read.",
}
PARTS = {
    "what_this_could_mean": "People may know sooner.",
    "active_substance": "Tea leaves.",
    "what_it_could_lead_to": "A new way to drink tea.",
    "what_could_go_wrong": "Some people sleep less.\nSome feel sick.",
}
CLOSED = {"field": "overallStatus", "before": "RECRUITING", "after": "COMPLETED"}


def event(**fields: Any) -> dict[str, Any]:
    return {"id": "change-1", "nct_id": "NCT01234567", "changes": [CLOSED]} | fields


def push(engine: Engine, *items: Any) -> PushResult:
    with engine.begin() as conn:
        result = store_pushed_events(conn, items, NOW)
    with engine.begin() as conn:
        assign_positions(conn)
    return result


def cards(engine: Engine) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT nct_id, question, summary FROM study_cards ORDER BY nct_id")))


def test_a_card_is_stored_cleaned_and_may_come_before_its_study(engine: Engine) -> None:
    odd = {
        "nct_id": " nct00000001",
        "question": "Does  tea\u0007 help?\n",
        "summary": "Tea.\r\n\r\n It\u200b helps. ",
    }
    with engine.begin() as conn:
        assert store_cards(conn, [CARD, odd], NOW) == PushResult(stored=2)
    assert [tuple(card) for card in cards(engine)] == [
        ("NCT00000001", "Does tea help?", "Tea.\nIt helps."),
        ("NCT01234567", "Does tea help?", "People drink tea.\nThen they read."),
    ]


def test_a_newer_card_takes_the_place_of_the_older_also_in_one_push(engine: Engine) -> None:
    with engine.begin() as conn:
        store_cards(conn, [CARD], NOW)
        store_cards(conn, [CARD | {"question": "First?"}, CARD | {"question": "Second?"}], NOW)
    assert [card.question for card in cards(engine)] == ["Second?"]


def parts_of(engine: Engine) -> dict[str, str | None]:
    with engine.connect() as conn:
        return dict(conn.execute(text(f"SELECT {', '.join(PARTS)} FROM study_cards")).one()._mapping)


def test_a_card_may_have_more_parts_and_a_newer_one_replaces_them_all(engine: Engine) -> None:
    with engine.begin() as conn:
        store_cards(conn, [CARD | PARTS], NOW)
    assert parts_of(engine) == PARTS
    with engine.begin() as conn:
        store_cards(conn, [CARD | {"what_could_go_wrong": "Some\u200b  sleep less. "}], NOW)
    assert parts_of(engine) == dict.fromkeys(PARTS) | {"what_could_go_wrong": "Some sleep less."}


def test_a_part_that_nobody_has_written_may_be_empty(engine: Engine) -> None:
    with engine.begin() as conn:
        assert store_cards(conn, [CARD | dict.fromkeys(PARTS, " \n ")], NOW) == PushResult(stored=1)
    assert parts_of(engine) == dict.fromkeys(PARTS)


@pytest.mark.parametrize("gain", ["what_this_could_mean", "what_it_could_lead_to"])
def test_a_card_that_tells_of_a_gain_and_of_no_risk_is_refused_and_says_what_is_missing(
    engine: Engine, gain: str
) -> None:
    one_sided = CARD | {gain: "People may feel better.", "what_could_go_wrong": " "}
    with engine.begin() as conn:
        result = store_cards(conn, [one_sided, CARD | {"nct_id": "NCT00000002"}], NOW)
    [error] = result.errors
    assert (error.index, error.field) == (0, "what_could_go_wrong")
    assert gain in error.reason
    assert [card.nct_id for card in cards(engine)] == ["NCT00000002"]


BAD_CARDS: list[tuple[Any, str]] = [
    ({**CARD, "nct_id": "NCT1"}, "nct_id"),
    ({**CARD, "question": " \u200b "}, "question"),
    ({**CARD, "question": "x" * 301}, "question"),
    ({**CARD, "summary": "x" * 2001}, "summary"),
    ({**CARD, "summary": None}, "summary"),
    ({**CARD, "colour": "green"}, "colour"),
    ({**CARD, "active_substance": "x" * 2001}, "active_substance"),
    ({**CARD, "what_could_go_wrong": ["x"]}, "what_could_go_wrong"),
    ("card", ""),
    (None, ""),
]


def test_bad_cards_are_named_and_the_rest_is_stored(engine: Engine) -> None:
    with engine.begin() as conn:
        result = store_cards(conn, [*(bad for bad, _ in BAD_CARDS), CARD], NOW)
    assert [(error.index, error.field) for error in result.errors] == list(
        enumerate(name for _, name in BAD_CARDS)
    )
    assert all(error.reason for error in result.errors)
    assert (result.stored, len(cards(engine))) == (1, 1)


def test_a_pushed_event_is_told_to_the_followers_of_its_study(engine: Engine) -> None:
    take(engine, study())
    assert push(engine, event()) == PushResult(stored=1)
    told = events(engine)[-1]
    assert (told.version, told.kind, told.changes, told.position) == (
        "site/change-1",
        "study_changed",
        [CLOSED],
        2,
    )
    assert targets_of(engine, told.id) == {("study", "NCT01234567"): 1}


def test_a_pushed_event_is_told_under_each_id_that_the_study_had(engine: Engine) -> None:
    take(engine, study(nctIdAliases=["NCT00000009"]))
    push(engine, event())
    told = events(engine)[-1]
    assert targets_of(engine, told.id) == {("study", "NCT01234567"): 1, ("study", "NCT00000009"): 1}


def test_the_same_event_again_is_stored_once(engine: Engine) -> None:
    take(engine, study())
    assert push(engine, event(), event()) == PushResult(stored=1, repeated=1)
    assert push(engine, event()) == PushResult(repeated=1)
    assert len(events(engine)) == 2


def test_what_the_site_has_told_the_registry_does_not_tell_again(engine: Engine) -> None:
    take(engine, study())
    push(engine, event())
    take(engine, later(study(overallStatus="COMPLETED", sex="MALE")))
    assert [told.fields for told in events(engine)] == [[], ["overallStatus"], ["sex"]]


def test_what_the_registry_has_told_the_site_does_not_tell_again(engine: Engine) -> None:
    take(engine, study(), later(study(overallStatus="COMPLETED")))
    assert push(engine, event()) == PushResult(repeated=1)
    assert len(events(engine)) == 2


def test_a_pushed_change_of_a_list_has_the_shape_of_our_own(engine: Engine) -> None:
    take(engine, study())
    new = {"facility": "East Clinic", "city": "Rome", "country": "Italy", "status": "RECRUITING"}
    push(engine, event(changes=[{"field": "locations", "before": [], "after": [new]}]))
    [change] = events(engine)[-1].changes
    assert change == {
        "field": "locations",
        "before": [],
        "after": [new],
        "added": [new],
        "removed": [],
        "changed": [],
    }


def test_a_pushed_contact_is_kept_as_a_digest(engine: Engine) -> None:
    take(engine, study())
    person = {"name": "Sam Roe", "phone": "+1 555 0101", "email": "sam@example.org"}
    push(engine, event(changes=[{"field": "centralContacts", "after": [person]}]))
    assert "Sam" not in str(events(engine)[-1].changes)


BAD_EVENTS: list[tuple[Any, str]] = [
    (event(nct_id="NCT99999999"), "nct_id"),
    (event(id=""), "id"),
    (event(id="a b"), "id"),
    (event(id="x" * 201), "id"),
    (event(changes=[]), "changes"),
    (event(changes=[CLOSED] * 51), "changes"),
    (event(changes=[CLOSED | {"field": "colour"}]), "changes.0.field"),
    (event(changes=[CLOSED | {"after": ["COMPLETED"]}]), "changes.0"),
    (event(changes=[{"field": "startDate", "after": {"date": "soon"}}]), "changes.0"),
    (event(changes=[{"field": "locations", "after": [{}] * 2001}]), "changes.0"),
    (event(changes=[{"field": "locations", "after": "Rome"}]), "changes.0"),
    ([], ""),
]


def test_bad_events_are_named_and_the_rest_is_stored(engine: Engine) -> None:
    take(engine, study())
    result = push(engine, *(bad for bad, _ in BAD_EVENTS), event())
    assert [(error.index, error.field) for error in result.errors] == list(
        enumerate(name for _, name in BAD_EVENTS)
    )
    assert all(error.reason for error in result.errors)
    assert (result.stored, len(events(engine))) == (1, 2)
