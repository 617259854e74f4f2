"""What Prometheus reads from GET /metrics, and who may."""

import base64
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

from notifier.delivery import brakes
from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.feedback.events import KINDS
from notifier.ops.counts import count_all
from notifier.settings import Settings
from notifier.web import metrics
from notifier.web.app import create_app
from tests.waiting import wait_for
from tests.web.conftest import STUDY, Clock, World, condition
from tests.world import NOON, days

NAME, PASSWORD = "prometheus", "a-password-for-tests"
HERE = {"host": "localhost:8000"}
Found = dict[str, dict[tuple[str, ...], float]]
Login = Callable[[str, str], dict[str, str]]


def read(client: TestClient, **headers: str) -> Found:
    answer = client.get("/metrics", headers=HERE | headers)
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
    assert found["notifier_webhook_events_total"] == {(kind,): 0 for kind in KINDS}, "before any has come"


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
        conn.execute(
            text(
                """INSERT INTO feedback_events (event_id, kind, occurred_at, received_at, reason)
                   SELECT kind, kind, now(), now(), 'as anna@example.org'
                   FROM unnest(CAST(:kinds AS text[])) AS v (kind)"""
            ),
            {"kinds": KINDS},
        )
        conn.execute(text("INSERT INTO suppressions VALUES ('x', 'operator', 'anna asked by mail', now())"))
    with client:
        client.get("/u/some-token-of-annas")
    apply_feedback(engine, now=NOON)
    count_all(engine, now=NOON)
    clock.now = NOON + days(1)
    answer = client.get("/metrics", headers=HERE)
    assert 'notifier_suppressions{reason="operator"} 1.0' in answer.text
    assert 'notifier_link_requests_total{link="unsubscribe",outcome="rejected"} 1.0' in answer.text
    body = answer.text
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
    answer = client.get("/metrics", headers=HERE)
    assert answer.status_code == 503
    assert "gone" not in answer.text


class Door:
    """A lock that tells how many have come to it."""

    def __init__(self) -> None:
        self.asked, self._lock, self.release = 0, threading.Lock(), lambda: self._lock.release()

    def acquire(self, timeout: float) -> bool:
        self.asked += 1
        return self._lock.acquire(timeout=timeout)


class Scrapes:
    """Several at once, while one look at the numbers goes on until it is let go, and fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, engine: Engine) -> None:
        self._engine, self._door, self._go = engine, Door(), threading.Event()
        self._scrape = metrics.Scrape(_lock=self._door)  # type: ignore[arg-type]
        self.looks = 0
        monkeypatch.setattr(metrics, "take_numbers", self._fail)

    def _fail(self, engine: Engine, **_: object) -> None:
        self.looks += 1
        self._go.wait(30)
        raise OperationalError("SELECT", {}, Exception("gone"))

    def ask(self) -> str:
        try:
            self._scrape.text(self._engine, NOON)
        except Exception as error:
            return type(error).__name__
        return "numbers"

    def ask_at_once(self, count: int, *, let_go: bool) -> list[str]:
        with ThreadPoolExecutor(count) as threads:
            first = threads.submit(self.ask)
            wait_for(lambda: self.looks == 1)
            others = [threads.submit(self.ask) for _ in range(count - 1)]
            wait_for(lambda: self._door.asked == count)
            if let_go:
                self._go.set()
            answers = [other.result() for other in others]
            self._go.set()
            return [first.result(), *answers]


def test_who_waits_for_a_look_that_fails_does_not_try_it_again(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    """Or twenty scrapes of a database that hangs would take ten seconds each, one behind the other."""
    scrapes = Scrapes(monkeypatch, engine)
    assert scrapes.ask_at_once(4, let_go=True) == ["OperationalError", "NotNow", "NotNow", "NotNow"]
    assert scrapes.looks == 1
    assert scrapes.ask() == "OperationalError", "who comes later looks anew"


def test_who_comes_while_a_look_takes_long_is_sent_away(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(metrics, "LONGEST_WAIT_SECONDS", 0.1)
    assert Scrapes(monkeypatch, engine).ask_at_once(3, let_go=False) == [
        "OperationalError",
        "NotNow",
        "NotNow",
    ]


def test_being_sent_away_is_a_503(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    def busy(*_: object) -> bytes:
        raise metrics.NotNow

    monkeypatch.setattr(metrics.Scrape, "text", busy)
    answer = client.get("/metrics", headers=HERE)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_a_name_that_was_made_to_point_here_reads_no_metrics(client: TestClient):
    assert client.get("/metrics", headers={"host": "evil.example:8000"}).status_code == 403
    assert read(client, host="127.0.0.1:8000")


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
