"""What Prometheus reads from GET /metrics, and who may."""

import base64
from collections.abc import Callable

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.delivery import brakes
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.web.conftest import STUDY, Clock, World, condition
from tests.world import NOON, days

NAME, PASSWORD = "prometheus", "a-password-for-tests"
Found = dict[str, dict[tuple[str, ...], float]]
Login = Callable[[str, str], dict[str, str]]


def read(client: TestClient, **headers: str) -> Found:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.text
    found: Found = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(sample.labels[name] for name in sorted(sample.labels))
            found.setdefault(sample.name, {})[labels] = sample.value
    return found


def login(name: str = NAME, password: str = PASSWORD) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


def client_with(settings: Settings, engine: Engine, clock: Clock, **chosen: object) -> TestClient:
    own = Settings(_env_file=None, **{**settings.model_dump(exclude_unset=True), **chosen})
    return TestClient(create_app(own, engine, lambda reason: None, clock=clock))


def test_the_queue_is_there_in_people(client: TestClient, world: World, clock: Clock):
    for name in ("anna", "ben", "carla"):
        world.person(name, condition("Asthma"))
    world.event(condition("Asthma"), kind="new_study")
    world.run("daily", NOON + days(1))
    clock.now = NOON + days(1)
    clock.forward(minutes=7)
    found = read(client)
    assert found["notifier_deliveries"]["digest", "planned"] == 3
    assert found["notifier_deliveries_due"]["digest",] == 3
    assert found["notifier_delivery_oldest_due_age_seconds"]["digest",] == 7 * 60
    assert found["notifier_digest_remaining"]["daily",] == 3
    assert found["notifier_events_received_total"][()] == 1


def test_a_paused_account_shows(client: TestClient, engine: Engine, clock: Clock):
    assert set(read(client)["notifier_sending_paused"].values()) == {0}
    with engine.begin() as conn:
        brakes.pull(conn, "paused", "a fire", now=NOON)
    assert set(read(client)["notifier_sending_paused"].values()) == {0}, "an answer is kept for ten seconds"
    clock.forward(seconds=11)
    found = read(client)["notifier_sending_paused"]
    assert {name for name, on in found.items() if on} == {("paused",)}


def test_nothing_private_is_in_it(client: TestClient, world: World, engine: Engine, clock: Clock):
    world.person("anna", condition("Asthma"))
    world.event(condition("Asthma"), nct_id=STUDY)
    world.run("daily", NOON + days(1))
    with engine.begin() as conn:
        brakes.pull(conn, "breaker", "anna@example.org is refused", now=NOON)
    client.get("/u/some-token-of-annas")
    clock.now = NOON + days(1)
    body = client.get("/metrics").text
    for private in ("anna", "example.org", "asthma", STUDY.lower(), "nct", "token-of"):
        assert private not in body.lower()


def test_strangers_are_refused_where_a_login_is_set(web_settings, engine, clock):
    client = client_with(web_settings, engine, clock, ops_username=NAME, ops_password=PASSWORD)
    for headers in (
        {},
        login(password="a-wrong-password"),
        login(name="someone"),
        {"authorization": "Basic !"},
    ):
        answer = client.get("/metrics", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert "notifier_" not in answer.text
    assert read(client, **login())


def test_it_is_closed_to_the_world_until_a_login_is_set(web_settings, engine, clock):
    client = client_with(web_settings, engine, clock, public_url="https://updates.example.org")
    answer = client.get("/metrics", headers=login())
    assert answer.status_code == 403
    assert "OPS_PASSWORD" in answer.json()["remedy"]


def test_without_its_tables_it_says_so_as_503(client: TestClient, engine: Engine):
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE counts RENAME TO gone"))
    answer = client.get("/metrics")
    assert answer.status_code == 503
    assert "gone" not in answer.text


@pytest.mark.parametrize(
    ("path", "label"),
    [("/u/no-token", ("unsubscribe", "rejected")), ("/confirm/no-token", ("confirm", "rejected"))],
)
def test_links_that_are_refused_are_counted_by_all_processes_together(
    web_settings, engine, clock, path: str, label: tuple[str, str]
):
    for _ in range(2):
        with client_with(web_settings, engine, clock) as process:
            process.get(path)
            process.get(path)
    with client_with(web_settings, engine, clock) as another:
        assert read(another)["notifier_link_requests_total"][label] == 4


def test_webhook_calls_with_a_wrong_signature_are_counted(web_settings, engine, clock):
    with client_with(web_settings, engine, clock) as process:
        process.post("/webhooks/sendgrid", content=b"[]")
    with client_with(web_settings, engine, clock) as another:
        assert read(another)["notifier_webhook_rejected_total"]["bad_signature",] == 1
