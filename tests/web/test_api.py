from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text
from starlette.testclient import TestClient

from notifier.conditions.store import store_targets
from notifier.settings import Settings
from notifier.web.app import create_app
from notifier.web.middleware import MAX_API_BYTES
from tests.registry.samples import later, study
from tests.web.conftest import CONDITION, KEY
from tests.world import condition

CARD = {
    "nct_id": "NCT01234567",
    "question": "Does a made-up tablet help?",
    "summary": "It tests a made-up tablet.",
}
EVENT = {
    "id": "e-1",
    "nct_id": "NCT01234567",
    "changes": [{"field": "overallStatus", "before": "RECRUITING", "after": "SUSPENDED"}],
}


def put(client: TestClient, *studies: Any) -> dict[str, Any]:
    answer = client.put("/v1/studies", json={"studies": list(studies)}, headers=KEY)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def count(engine: Engine, table: str) -> int:
    with engine.connect() as conn:
        return int(conn.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


def test_a_study_and_its_card_go_in_together_and_a_repeat_changes_nothing(client, engine, wakes):
    item = {"record": study(), "card": CARD}
    first = put(client, item)
    assert (first["records"]["new"], first["cards"], first["errors"]) == (1, {"stored": 1}, [])
    again = put(client, item)
    assert (again["records"]["unchanged"], again["errors"]) == (1, [])
    assert (count(engine, "studies"), count(engine, "study_cards")) == (1, 1)
    assert wakes == ["intake", "intake"]


def test_a_later_version_makes_one_visible_event(client: TestClient, engine: Engine):
    put(client, {"record": study()})
    changed = later(study(overallStatus="SUSPENDED"))
    assert put(client, {"record": changed})["records"]["changed"] == 1
    assert put(client, {"record": changed})["records"]["unchanged"] == 1
    with engine.connect() as conn:
        seen = conn.execute(text("SELECT position FROM change_events WHERE kind = 'study_changed'")).all()
    assert len(seen) == 1
    assert seen[0].position is not None


def test_one_bad_item_is_named_with_its_place_and_the_rest_goes_in(client: TestClient, engine: Engine):
    result = put(
        client,
        {"record": {"protocolSection": {}}},
        "not an object",
        {"card": {**CARD, "question": ""}},
        {"record": study(), "card": {**CARD, "summary": None}},
        {},
    )
    assert [(error["index"], error["field"]) for error in result["errors"]] == [
        (0, "record"),
        (1, ""),
        (2, "card.question"),
        (3, "card.summary"),
        (4, ""),
    ]
    assert all(error["reason"] for error in result["errors"])
    assert (result["records"]["new"], result["records"]["rejected"]) == (1, 1)
    assert (count(engine, "studies"), count(engine, "study_cards")) == (1, 0)


def test_a_card_may_come_before_its_record(client: TestClient):
    assert put(client, {"card": CARD})["cards"] == {"stored": 1}


def test_an_event_of_the_site_is_stored_once_and_visible(
    client: TestClient, engine: Engine, wakes: list[str]
):
    put(client, {"record": study()})
    body = {"events": [EVENT, {**EVENT, "id": "e-2", "nct_id": "NCT99999999"}]}
    first = client.post("/v1/events", json=body, headers=KEY).json()
    assert (first["stored"], first["repeated"]) == (1, 0)
    assert [(error["index"], error["field"]) for error in first["errors"]] == [(1, "nct_id")]
    again = client.post("/v1/events", json={"events": [EVENT]}, headers=KEY).json()
    assert again == {"stored": 0, "repeated": 1, "errors": []}
    with engine.connect() as conn:
        positions = conn.execute(text("SELECT position FROM change_events WHERE version = 'site/e-1'"))
        assert positions.scalar_one() is not None
    assert wakes == ["intake"] * 3


def test_strangers_are_refused_before_their_body_is_read(client: TestClient, engine: Engine):
    for header in (
        {},
        {"authorization": "Bearer wrong"},
        {"authorization": "Basic eDp5"},
        {"authorization": b"Bearer \xe9"},
    ):
        answer = client.put("/v1/studies", content=b"not even JSON", headers=header)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert {"error", "where", "remedy"} == set(answer.json())
    assert count(engine, "studies") == 0


def test_without_any_key_the_operator_is_told_what_to_set(settings: Settings, engine: Engine):
    client = TestClient(create_app(settings, engine, print))
    answer = client.post("/v1/events", json={"events": []}, headers=KEY)
    assert answer.status_code == 401
    assert "API_KEYS" in answer.json()["remedy"]


@pytest.mark.parametrize("address", ["/v1/studies", "/v1/events"])
def test_a_body_of_another_shape_is_refused_with_the_place(client: TestClient, address: str):
    name = address.rpartition("/")[2]
    bodies = (b"", b"{", b"[]", b"null", b'{"%s": {}}' % name.encode(), b'{"%s": [NaN]}' % name.encode())
    bodies += (
        b'{"%s": ["\\ud800"]}' % name.encode(),
        b"[" * 5000,
        b"\xff",
        b'{"%s": %s}' % (name.encode(), b"[" + b"1," * 1000 + b"1]"),
    )
    for body in bodies:
        answer = client.request(
            "PUT" if name == "studies" else "POST",
            address,
            content=body,
            headers={**KEY, "content-type": "application/json"},
        )
        assert answer.status_code == 422, body[:40]
        assert answer.json()["where"].startswith("body")


def test_a_body_that_is_too_large_is_refused_with_the_limit(client: TestClient):
    answer = client.put("/v1/studies", headers={**KEY, "content-length": str(MAX_API_BYTES + 1)})
    assert answer.status_code == 413
    assert "32,768 KiB" in answer.json()["remedy"]


@pytest.mark.parametrize(
    "item",
    [
        {"record": {**study(), "protocolSection": "\0"}},
        {"card": {**CARD, "question": "a\0b\ud7ff", "summary": "x" * 5000}},
        {"record": [], "card": 7},
        {"record": {"protocolSection": {"identificationModule": {"nctId": "NCT" + "9" * 5000}}}},
    ],
)
def test_odd_values_are_answered_and_not_stored_half(client: TestClient, engine: Engine, item: Any):
    put(client, item, {"record": study()})
    assert count(engine, "studies") == 1


def test_a_wake_up_that_fails_does_not_fail_the_request(web_settings: Settings, engine: Engine, log_lines):
    def fail(reason: str) -> None:
        raise ConnectionError("redis://:secret@127.0.0.1")

    client = TestClient(create_app(web_settings, engine, fail))
    assert put(client, {"record": study()})["records"]["new"] == 1
    assert "secret" not in str(log_lines)


def test_conditions_are_found_without_a_key_from_any_page(client: TestClient, engine: Engine):
    with engine.begin() as conn:
        store_targets(conn, [condition("Hepatitis A"), condition(CONDITION)], known=True)
    answer = client.get("/v1/conditions", params={"q": "squam"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert [each["name"] for each in answer.json()["conditions"]] == [CONDITION]
    assert client.get("/v1/conditions", params={"q": "x" * 500}).status_code == 422
    assert client.get("/v1/conditions").status_code == 422


def test_without_a_database_programs_are_told_to_repeat(web_settings: Settings):
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    client = TestClient(create_app(web_settings, nowhere, print))
    answer = client.put("/v1/studies", json={"studies": [{"card": CARD}]}, headers=KEY)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "repeat it" in answer.json()["remedy"]
