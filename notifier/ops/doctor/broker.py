"""Redis: reached, new enough, throws nothing away, of one time with us."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import redis

from notifier.ops.doctor.database import Clock, skew
from notifier.ops.doctor.finding import Finding, doubtful, well, wrong

OLDEST_REDIS = (6, 2)  # what the queue's transport needs
TIMEOUT = timedelta(seconds=3)
NEARLY_FULL = 0.9
FULL_WHY = (
    "A full Redis takes no more messages, or throws away those it has: mail then waits for the sweeper."
)


def open_redis(url: str) -> "redis.Redis":
    seconds = TIMEOUT.total_seconds()
    return redis.Redis.from_url(url, socket_connect_timeout=seconds, socket_timeout=seconds)


def reachable(url: str) -> Iterator[Finding]:
    """Says nothing of persistence: the queue is only a wake-up call, and may be lost."""
    try:
        with open_redis(url) as client:
            about: dict[str, Any] = client.info()
    except (redis.RedisError, OSError, ValueError) as error:
        yield wrong(
            "redis",
            f"Redis cannot be reached: {_words(error)}.",
            why="Mail waits, and sign-up answers 503. Stopping, confirming and managing still work.",
            remedy="Check REDIS_URL, and that Redis runs and lets this machine in.",
        )
        return
    version = str(about.get("redis_version", "0"))
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        yield wrong("redis", f"Redis {version} is too old.", remedy="Use Redis 6.2 or newer, or Valkey.")
        return
    yield well("redis", f"Redis {version} answers.")
    yield _memory(about)


def clock(url: str, now: Clock) -> Iterator[Finding]:
    with open_redis(url) as client:
        before = now()
        seconds, micros = client.time()
        ours = before + (now() - before) / 2
    theirs = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=micros)
    yield skew("clock-redis", "Redis", theirs, ours)


def _memory(about: dict[str, Any]) -> Finding:
    policy = str(about.get("maxmemory_policy", "unknown"))
    limit, used = int(about.get("maxmemory", 0)), int(about.get("used_memory", 0))
    if policy not in ("noeviction", "unknown"):
        return (wrong if limit else doubtful)(
            "redis-memory",
            f"maxmemory-policy is {policy}{'' if limit else ', though no maxmemory is set'}.",
            why="Redis would throw away messages and sign-up limits when its memory is full.",
            remedy="Set maxmemory-policy to noeviction.",
        )
    if limit and used > limit * NEARLY_FULL:
        share = round(100 * used / limit)
        return doubtful("redis-memory", f"{share} % of maxmemory are used.", why=FULL_WHY, remedy="Raise it.")
    return well("redis-memory", f"maxmemory-policy is {policy}; {used / 1024 / 1024:,.0f} MB are used.")


def _words(error: Exception) -> str:
    """The class alone where the words could hold what was sent, such as a password."""
    known = {
        "AuthenticationError": "it refuses the password",
        "NoPermissionError": "the login may not do this",
        "BusyLoadingError": "it is still loading its data",
        "TimeoutError": f"no answer within {TIMEOUT.total_seconds():g} seconds",
        "ConnectionError": "nobody answers there, or the connection is refused",
        "ResponseError": "it refuses the command",
    }
    return known.get(type(error).__name__, type(error).__name__)
