from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.settings import Settings
from notifier.web.app import create_app
from tests.web.conftest import CONDITION, KEY
from tests.world import NOON

SITE = "https://www.example.org"
ORIGIN = {"origin": SITE}


@pytest.fixture
def client(web_settings: Settings, engine: Engine, wakes: list[str]) -> Iterator[TestClient]:
    site = {**web_settings.model_dump(exclude_unset=True), "site_origins": [SITE]}
    app = create_app(Settings(_env_file=None, **site), engine, wakes.append, clock=lambda: NOON)
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def wish(client: TestClient) -> dict[str, Any]:
    words = client.get("/v1/subscriptions/choices").json()
    return {
        "email": "anna@example.org",
        "study": "NCT90000001",
        "conditions": [CONDITION],
        "frequency": "weekly",
        "timezone": "Europe/Berlin",
        "terms": words["terms"]["version"],
        "health_data": words["health_data"]["version"],
    }


def letters(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(conn.execute(text("SELECT count(*) FROM batches WHERE mail = 'confirm'")).scalar_one())


def test_a_wish_is_kept_until_it_is_confirmed(
    client: TestClient, engine: Engine, wakes: list[str], wish: dict[str, Any]
):
    answer = client.post("/v1/subscriptions", json=wish, headers=ORIGIN)
    assert (answer.status_code, answer.json()) == (202, {"status": "check_your_email"})
    assert answer.headers["access-control-allow-origin"] == SITE
    assert letters(engine) == 1
    assert wakes == ["letter"]
    with engine.connect() as conn:
        asked = conn.execute(text("SELECT * FROM sign_ups")).one()
        wishes = conn.execute(text("SELECT count(*) FROM sign_up_targets")).scalar_one()
        people = conn.execute(text("SELECT count(*) FROM subscribers")).scalar_one()
    assert (asked.email, asked.frequency, asked.zone, asked.source) == (
        "anna@example.org", "weekly", "Europe/Berlin", "api",
    )  # fmt: skip
    assert (asked.terms_version, asked.health_version) == (wish["terms"], wish["health_data"])
    assert (wishes, people) == (2, 0)


def test_the_answer_is_the_same_for_an_address_that_is_known_and_for_one_written_to_enough(
    client: TestClient, engine: Engine, wish: dict[str, Any], anna: object
):
    answers = [
        client.post("/v1/subscriptions", json={**wish, "email": email, "conditions": [about]}, headers=ORIGIN)
        for email, about in (
            ("anna@example.org", "Asthma"),
            ("nobody@example.org", "Asthma"),
            ("nobody@example.org", "Dry Eye"),
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"status":"check_your_email"}')
    }
    assert letters(engine) == 3  # the last one waits for a minute


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"email": "anna"}, "body.email"),
        ({"email": "anna@example.org\r\nBcc: all@example.org"}, "body.email"),
        ({"study": "NCT1"}, "body.study"),
        ({"study": None, "conditions": []}, "body.study"),
        ({"conditions": ["?!"]}, "body.conditions"),
        ({"conditions": ["Win at https://evil.example.com"]}, "body.conditions"),
        ({"timezone": "Mars/Olympus"}, "body.timezone"),
        ({"frequency": "hourly"}, "body.frequency"),
        ({"terms": ""}, "body.terms"),
        ({"health_data": "an old version"}, "body.health_data"),
        ({"tracking": True}, "body.tracking"),
    ],
)
def test_a_wish_that_cannot_be_taken_says_where_and_why(
    client: TestClient, engine: Engine, wish: dict[str, Any], change: dict[str, Any], where: str
):
    answer = client.post("/v1/subscriptions", json={**wish, **change}, headers=ORIGIN)
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["where"] == where
    assert problem["error"] and problem["remedy"]  # noqa: PT018
    assert "anna" not in answer.text.replace("example", "")
    assert letters(engine) == 0


def test_a_script_on_somebody_elses_page_is_refused(client: TestClient, engine: Engine, wish: dict[str, Any]):
    answer = client.post("/v1/subscriptions", json=wish, headers={"origin": "https://evil.example.com"})
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers
    assert letters(engine) == 0


def test_a_browser_asks_first_and_is_told_yes_for_the_site_only(client: TestClient):
    def preflight(origin: str) -> Any:
        return client.options(
            "/v1/subscriptions",
            headers={
                "origin": origin,
                "access-control-request-method": "POST",
                "access-control-request-headers": "content-type",
            },
        )

    assert preflight(SITE).headers["access-control-allow-origin"] == SITE
    assert preflight("https://evil.example.com").status_code == 400
    assert "access-control-allow-origin" not in client.options("/v1/studies", headers=ORIGIN).headers


def test_one_network_is_told_to_wait_and_the_sites_own_server_is_not(
    client: TestClient, engine: Engine, wish: dict[str, Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(
        "notifier.web.limits.Limits.allow_mail_to",
        lambda self, key, network: "ok" if network is None else "network",
    )
    answer = client.post("/v1/subscriptions", json=wish, headers=ORIGIN)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    assert client.post("/v1/subscriptions", json=wish, headers=KEY).status_code == 202
    assert letters(engine) == 1


def test_without_redis_nothing_is_begun_and_the_answer_says_when_to_come_back(
    web_settings: Settings, engine: Engine, wish: dict[str, Any]
):
    away = {**web_settings.model_dump(exclude_unset=True), "redis_url": "redis://127.0.0.1:1/0"}
    app: FastAPI = create_app(Settings(_env_file=None, **away), engine, lambda reason: None)
    with TestClient(app) as client:
        answer = client.post("/v1/subscriptions", json=wish)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert letters(engine) == 0


def test_a_form_can_ask_what_a_study_has_to_offer(client: TestClient):
    offered = client.get("/v1/subscriptions/choices", params={"study": "nct90000001"}).json()
    assert offered["frequencies"] == ["immediate", "daily", "weekly"]
    assert offered["conditions"] == []
    assert offered["terms_url"] == "https://example.org/terms"
    assert "subject" in offered["safety"]
    bad = client.get("/v1/subscriptions/choices", params={"study": "NCT1"})
    assert (bad.status_code, bad.json()["where"]) == (422, "query.study")
