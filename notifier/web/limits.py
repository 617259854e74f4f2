"""How much mail strangers may have us send: to one address, and from one network.

The counts live in Redis, which forgets them within a day and knows neither address nor network, only keyed hashes.
Without Redis nothing that sends mail is taken on: a flood would reach people who never asked. Leaving, confirming
and managing are never limited and need no Redis.
"""

import hmac
from typing import Literal

import redis
import structlog
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute
from limits.storage import RedisStorage
from limits.strategies import MovingWindowRateLimiter

from notifier.links.addresses import address_key
from notifier.settings import Settings

Verdict = Literal["ok", "address", "network", "down"]

PER_ADDRESS = (RateLimitItemPerMinute(1), RateLimitItemPerHour(4), RateLimitItemPerDay(10))
# A clinic or a campus shares one address.
PER_NETWORK = (RateLimitItemPerMinute(30, 10), RateLimitItemPerDay(300))
# Whoever has one IPv6 network mostly has 65,536 of them, and an IPv4 address seldom stands alone.
PER_NEIGHBOURHOOD = (RateLimitItemPerDay(1000),)
TIMEOUT_SECONDS = 0.5
KEY_PREFIX = "notifier-limits"

log = structlog.get_logger()


class Limits:
    """Connects when it is first asked, and again after Redis was away."""

    def __init__(self, settings: Settings, keys: list[str]) -> None:
        self._key = f"limits.v1:{keys[-1]}".encode()
        self._windows = windows_in(settings.redis_url) if settings.redis_url else None

    def allow_mail_to(self, address: str, network: str | None) -> Verdict:
        """May one more mail be asked for? Asking counts.

        `address`: this person has been written to enough; answer as for `ok` and send nothing, as the answer must
        not tell what is known of an address. `network` is None for the site's own server, which holds a key.
        """
        if self._windows is None:
            return "down"
        try:
            if network is not None and not (
                self._count(PER_NETWORK, "network", network)
                and self._count(PER_NEIGHBOURHOOD, "neighbourhood", neighbourhood(network))
            ):
                return "network"
            return "ok" if self._count(PER_ADDRESS, "address", _mailbox(address)) else "address"
        except (redis.RedisError, OSError) as error:
            log.warning("limits_unreachable", error=type(error).__name__)
            return "down"

    def _count(self, items: tuple[RateLimitItem, ...], kind: str, name: str) -> bool:
        """A refused attempt counts only up to the window that refused it."""
        assert self._windows
        key = hmac.digest(self._key, f"{kind} {name}".encode(), "sha256").hex()[:32]
        return all(self._windows.hit(item, kind, key) for item in items)


def _mailbox(address: str) -> str:
    """Many spellings lead to one mailbox: "an.na+1@" and "anna@". For limits alone; elsewhere each is an address of
    its own, as only the mailbox's owner knows."""
    local, _, domain = address_key(address).rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}@{domain}"


def neighbourhood(network: str) -> str:
    """The first three groups of an IPv6 network (a /48), or the first three numbers of an IPv4 address."""
    return ":".join(network.split(":")[:3]) if ":" in network else network.rpartition(".")[0]


def windows_in(url: str) -> MovingWindowRateLimiter:
    storage = RedisStorage(
        url,
        key_prefix=KEY_PREFIX,
        socket_connect_timeout=TIMEOUT_SECONDS,
        socket_timeout=TIMEOUT_SECONDS,
    )
    return MovingWindowRateLimiter(storage)
