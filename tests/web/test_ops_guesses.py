"""Nobody guesses the operators' password, and nobody who tries locks the operator out."""

import base64
from collections.abc import Callable, Iterator

import pytest
import redis
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.settings import Settings
from notifier.web.login_limits import FROM_ALL, NOT_TOLD_APART, PER_NEIGHBOURHOOD, PER_NETWORK
from tests.delivery.office import Clock
from tests.web.conftest import heading
from tests.web.ops import open_operator

NAME, PASSWORD = "olga", "a-password-for-tests"
OFFICE, HOTEL, STRANGER = "192.0.2.10", "198.51.100.20", "203.0.113.30"
LOGIN = {
    "ops_username": NAME,
    "ops_password": PASSWORD,
    "public_url": "https://updates.example.org",
    "trusted_proxies": 1,
}
Try = Callable[..., int]


def login(password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{NAME}:{password}".encode()).decode()}


@pytest.fixture(params=["with Redis", "without Redis"])
def redis_of_web(request: pytest.FixtureRequest, redis_url: str) -> str:
    """Guessing is bounded either way; nothing listens at the second address."""
    return redis_url if request.param == "with Redis" else "redis://127.0.0.1:1/0"


@pytest.fixture
def chosen(redis_of_web: str) -> dict[str, object]:
    return {**LOGIN, "redis_url": redis_of_web}


@pytest.fixture
def client(engine: Engine, settings: Settings, chosen: dict[str, object]) -> Iterator[TestClient]:
    with open_operator(engine, settings, Clock(), **chosen).client as client:
        yield client


@pytest.fixture
def attempt(client: TestClient) -> Try:
    """The status that a login from there gets."""

    def attempt(password: str, network: str, path: str = "/ops/audit") -> int:
        headers = {**login(password), "x-forwarded-for": network}
        return client.get(path, headers=headers).status_code

    return attempt


def test_after_ten_wrong_logins_a_network_has_to_wait_also_with_the_right_one(
    attempt: Try, client: TestClient
):
    tries = PER_NETWORK[0].amount
    assert [attempt(f"guess {n}", STRANGER) for n in range(tries)] == [401] * tries
    answer = client.get("/ops", headers={**login(PASSWORD), "x-forwarded-for": STRANGER})
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "600")
    assert "www-authenticate" not in answer.headers
    assert heading(answer.text) == "Too many wrong logins have come from here."
    assert attempt(PASSWORD, STRANGER, "/metrics") == 429
    assert attempt(PASSWORD, OFFICE) == attempt(PASSWORD, OFFICE, "/metrics") == 200


def test_right_logins_are_never_counted(attempt: Try):
    assert {attempt(PASSWORD, OFFICE) for _ in range(3 * PER_NETWORK[0].amount)} == {200}


def test_a_prometheus_with_the_old_password_locks_nobody_out(attempt: Try):
    assert {attempt("last year's", OFFICE, "/metrics") for _ in range(3 * PER_NETWORK[0].amount)} == {401}
    assert attempt(PASSWORD, OFFICE) == 200


def test_many_networks_of_one_neighbourhood_guess_no_more_often(attempt: Try):
    tries = PER_NEIGHBOURHOOD.amount
    assert {attempt("guess", f"2001:db8:7:{n:x}::1") for n in range(tries)} == {401}
    assert attempt("guess", "2001:db8:7:ffff::1") == 429
    assert attempt("guess", "2001:db8:8::1") == 401


def test_while_the_whole_world_guesses_only_who_was_wrong_themselves_waits(attempt: Try):
    assert attempt("a slip of the finger", HOTEL) == 401
    for n in range(FROM_ALL.amount):
        attempt("guess", f"2001:db8:{n + 256:x}::1")
    assert attempt(PASSWORD, HOTEL) == 429
    assert attempt(PASSWORD, OFFICE) == 200
    assert attempt("first guess", STRANGER) == 401
    assert attempt("second guess", STRANGER) == 429


@pytest.mark.parametrize("address", ["10.1.2.3", "127.0.0.1", "198.51.100.9"])
def test_where_a_proxy_hides_who_it_is_a_few_strangers_lock_nobody_out(
    engine: Engine, settings: Settings, chosen: dict[str, object], address: str
):
    """TRUSTED_PROXIES was forgotten: all seem to come from the proxy."""
    app = open_operator(engine, settings, Clock(), **{**chosen, "trusted_proxies": 0}).client.app
    with TestClient(app, base_url="https://updates.example.org", client=(address, 4711)) as client:
        tries = NOT_TOLD_APART.amount - 1
        guesses = {client.get("/ops", headers=login(f"guess {n}")).status_code for n in range(tries)}
        assert guesses == {401}
        assert client.get("/ops/audit", headers=login(PASSWORD)).status_code == 200
        assert client.get("/ops", headers=login("one more")).status_code == 401
        answer = client.get("/ops", headers=login("and one"))
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


def test_both_kinds_of_refusal_are_numbers_for_prometheus(
    engine: Engine, settings: Settings, chosen: dict[str, object]
):
    with open_operator(engine, settings, Clock(), **chosen).client as client:
        for n in range(PER_NETWORK[0].amount + 3):
            client.get("/ops", headers={**login(f"guess {n}"), "x-forwarded-for": STRANGER})
        client.get("/ops", headers={"x-forwarded-for": STRANGER})  # a browser's first request has no login
    with open_operator(engine, settings, Clock(), **chosen).client as another:
        text = another.get("/metrics", headers={**login(PASSWORD), "x-forwarded-for": OFFICE}).text
    assert 'notifier_operator_logins_refused_total{reason="wrong"} 10.0' in text
    assert 'notifier_operator_logins_refused_total{reason="limited"} 3.0' in text


def test_redis_learns_neither_the_guess_nor_where_it_came_from(
    engine: Engine, settings: Settings, redis_url: str
):
    with open_operator(engine, settings, Clock(), **LOGIN).client as client:
        client.get("/ops", headers={**login("my other password"), "x-forwarded-for": STRANGER})
    with redis.Redis.from_url(redis_url) as store:
        keys = list(store.scan_iter("notifier-limits*"))
        assert len(keys) >= 4
        for key in keys:
            assert not [word for word in (b"olga", b"other", STRANGER.encode()) if word in key]
            assert 0 < store.ttl(key) <= 24 * 3600
