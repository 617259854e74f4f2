import secrets

import pytest
import redis
from starlette.requests import Request

from notifier.settings import Settings
from notifier.web.limits import PER_NEIGHBOURHOOD, PER_NETWORK, Limits
from notifier.web.visitors import network_of

KEYS = ["k" * 32]


@pytest.fixture
def limits(services: Settings) -> Limits:
    return Limits(services, KEYS)


def somebody() -> str:
    return f"{secrets.token_hex(8)}@example.org"


def somewhere() -> str:
    return f"2001:db8:{secrets.token_hex(8)}:1::/64"


def test_the_same_address_is_not_written_to_twice_within_a_minute(limits: Limits):
    victim = somebody()
    assert limits.allow_mail_to(victim, somewhere()) == "ok"
    assert limits.allow_mail_to(victim, somewhere()) == "address"
    assert limits.allow_mail_to(somebody(), somewhere()) == "ok"


def test_another_spelling_of_an_address_is_the_same_mailbox_for_limits(limits: Limits):
    name = secrets.token_hex(8)
    assert limits.allow_mail_to(f"{name}@example.org", None) == "ok"
    for spelling in (
        f"{name}+2@example.org",
        f"{name[:3]}.{name[3:]}@example.org",
        f"{name.upper()}@Example.ORG",
    ):
        assert limits.allow_mail_to(spelling, None) == "address"


def test_many_networks_of_one_neighbourhood_are_too_many(limits: Limits):
    site = f"2001:db8:{secrets.token_hex(8)}"
    verdicts = {
        limits.allow_mail_to(somebody(), f"{site}:{n}::/64") for n in range(PER_NEIGHBOURHOOD[0].amount)
    }
    assert verdicts == {"ok"}
    assert limits.allow_mail_to(somebody(), f"{site}:ffff::/64") == "network"


def test_many_addresses_from_one_network_are_too_many(limits: Limits):
    network = somewhere()
    allowed = PER_NETWORK[0].amount
    verdicts = [limits.allow_mail_to(somebody(), network) for _ in range(allowed + 1)]
    assert verdicts == ["ok"] * allowed + ["network"]
    assert limits.allow_mail_to(somebody(), somewhere()) == "ok"


def test_the_sites_own_server_is_no_network_of_one_visitor(limits: Limits):
    for _ in range(PER_NETWORK[0].amount + 5):
        assert limits.allow_mail_to(somebody(), None) == "ok"


def test_two_web_processes_count_together(services: Settings):
    victim = somebody()
    assert Limits(services, KEYS).allow_mail_to(victim, None) == "ok"
    assert Limits(services, KEYS).allow_mail_to(victim, None) == "address"


@pytest.mark.parametrize("url", [None, "redis://127.0.0.1:1/0"])
def test_without_redis_nobody_can_have_mail_sent(services: Settings, url: str | None):
    away = Settings(_env_file=None, notifier_home=services.notifier_home, redis_url=url)
    assert Limits(away, KEYS).allow_mail_to(somebody(), somewhere()) == "down"


def test_redis_learns_neither_address_nor_network_and_forgets_within_a_day(
    limits: Limits, services: Settings
):
    victim, network = somebody(), somewhere()
    limits.allow_mail_to(victim, network)
    with redis.Redis.from_url(str(services.redis_url)) as client:
        keys = list(client.scan_iter("notifier-limits*"))
        assert keys
        for key in keys:
            assert victim.encode() not in key
            assert network.encode() not in key
            assert 0 < client.ttl(key) <= 24 * 3600


def asked(client: str, forwarded: list[str], proxies: int) -> str:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    request = Request({"type": "http", "headers": headers, "client": (client, 4711)})
    return network_of(request, Settings(_env_file=None, trusted_proxies=proxies))


@pytest.mark.parametrize(
    ("client", "forwarded", "proxies", "network"),
    [
        ("203.0.113.7", [], 0, "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], 0, "203.0.113.7"),  # anybody can write this header
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9"], 1, "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1", "203.0.113.9"], 1, "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1, 203.0.113.9, 10.0.0.2"], 2, "203.0.113.9"),
        ("10.0.0.1", [], 1, "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.9:4711"], 1, "203.0.113.9"),
        ("10.0.0.1", ["[2001:db8:1:2::9]:4711"], 1, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:3:4:5:6", [], 0, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", [], 0, "203.0.113.7"),
        ("testclient", [], 0, "unknown"),
        ("10.0.0.1", ["nonsense"], 1, "unknown"),
    ],
)
def test_whose_network_it_is(client: str, forwarded: list[str], proxies: int, network: str):
    assert asked(client, forwarded, proxies) == network
