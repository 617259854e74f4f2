"""How often somebody may guess the operators' login.

Only wrong logins are counted, and the same one again is no new guess, so that a Prometheus with last year's password
locks nobody out. What others do shuts out nobody who has made no mistake, unless they share a network. The counts lie
in Redis, for all web processes, as keyed hashes; while it is away each process counts for itself.
"""

import hmac
import time
from collections.abc import Callable
from typing import TypeVar

import redis
import structlog
from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from notifier.settings import Settings
from notifier.web.limits import neighbourhood, windows_in

PER_NETWORK = (RateLimitItemPerMinute(10, 10), RateLimitItemPerDay(50))
PER_NEIGHBOURHOOD = RateLimitItemPerDay(200)
FROM_ALL = RateLimitItemPerMinute(100, 10)
"""Beyond it, only networks are heard that were not wrong themselves in this time."""
NOT_TOLD_APART = RateLimitItemPerMinute(60)
"""Behind a proxy that is not counted all look like one, the operator too: slow, and never shut for long."""
THE_SAME_AGAIN = RateLimitItemPerDay(1)
ASKED_AGAIN_AFTER_SECONDS = 5
"""A Redis that hangs holds a thread for half a second: not with each guess."""
MOST_KEPT = 20_000  # networks and guesses, in the memory of one process

log = structlog.get_logger()
T = TypeVar("T")
Count = tuple[RateLimitItem, str, str]


class LoginLimits:
    """`network` is None where callers cannot be told apart."""

    def __init__(self, settings: Settings, keys: list[str]) -> None:
        self._key = f"login-limits.v1:{keys[-1]}".encode()
        self._shared = windows_in(settings.redis_url) if settings.redis_url else None
        self._memory = MemoryStorage()
        self._away_until = 0.0  # Redis, by the monotonic clock

    def hears(self, network: str | None) -> bool:
        """May a login from there be looked at? To ask does not count."""
        return self._in_windows(lambda windows: self._hears(windows, network))

    def note_wrong(self, network: str | None, login: str) -> None:
        self._in_windows(lambda windows: self._note(windows, network, login))

    def _hears(self, windows: MovingWindowRateLimiter, network: str | None) -> bool:
        own = self._counts(network)
        if not all(windows.test(*one) for one in own):
            return False
        return network is None or windows.test(*self._all) or _is_untouched(windows, own[0])

    def _note(self, windows: MovingWindowRateLimiter, network: str | None, login: str) -> None:
        if not windows.hit(THE_SAME_AGAIN, "login", self._hash(f"login {network} {login}")):
            return
        for one in (*self._counts(network), *([self._all] if network else [])):
            windows.hit(*one)

    def _counts(self, network: str | None) -> list[Count]:
        if network is None:
            return [(NOT_TOLD_APART, "network", self._hash("somebody"))]
        near = neighbourhood(network)
        return [
            *((item, "network", self._hash(f"network {network}")) for item in PER_NETWORK),
            (PER_NEIGHBOURHOOD, "neighbourhood", self._hash(f"neighbourhood {near}")),
        ]

    @property
    def _all(self) -> Count:
        return FROM_ALL, "all", self._hash("all")

    def _hash(self, name: str) -> str:
        return hmac.digest(self._key, name.encode("utf-8", "surrogateescape"), "sha256").hex()[:32]

    def _in_windows(self, look: Callable[[MovingWindowRateLimiter], T]) -> T:
        if self._shared and time.monotonic() >= self._away_until:
            try:
                return look(self._shared)
            except (redis.RedisError, OSError) as error:
                self._away_until = time.monotonic() + ASKED_AGAIN_AFTER_SECONDS
                log.warning("login_limits_unreachable", error=type(error).__name__)
        if len(self._memory.events) > MOST_KEPT:
            self._memory.reset()
        return look(MovingWindowRateLimiter(self._memory))


def _is_untouched(windows: MovingWindowRateLimiter, count: Count) -> bool:
    return windows.get_window_stats(*count).remaining == count[0].amount
