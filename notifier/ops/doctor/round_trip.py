"""Questions to the workers: published to each queue like any task, answered in Redis by whoever takes them.

An answer proves broker, worker and the worker's own database, and that it has the settings that we have. It is no
beat: a scheduler that sleeps must not look awake because somebody has asked.
"""

import hmac
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from notifier.errors import NotifierError
from notifier.links.keys import signing_keys
from notifier.ops.doctor.broker import open_redis
from notifier.ops.doctor.database import BEAT_LATE
from notifier.ops.doctor.finding import Finding, doubtful, well, wrong
from notifier.ops.heartbeat import last_beats
from notifier.settings import Settings

LONGEST_WAIT = timedelta(seconds=6)
PAUSE = timedelta(milliseconds=50)
KEPT = timedelta(seconds=60)
WEB = "web"
QUESTION = "X-Doctor-Question"
SHARED = ("mail_provider", "mail_from", "public_url", "sendgrid_api_url", "sendgrid_api_key", "smtp_url")
"""Settings that must be the same everywhere; the signing keys and the database are compared, too."""
START_WORKERS = "Start workers for it; the Procfile names them (`worker`, `prompt`), or `notifier up`."

Ask = Callable[[str, str], bool]
"""(question, queue) -> published"""
Answers = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Asked:
    question: str = field(default_factory=lambda: str(uuid4()))
    at: float = field(default_factory=time.monotonic)


def answer(settings: Settings, engine: Engine, question: str, who: str) -> None:
    """Done by a worker, for a queue, or by the web process."""
    fingerprint = fingerprints(settings, engine, str(UUID(question)))
    assert settings.redis_url
    with open_redis(settings.redis_url) as client:
        client.set(f"doctor:{UUID(question)}:{who}", orjson.dumps(fingerprint), ex=KEPT)


def answer_if_asked(settings: Settings, engine: Engine, question: str) -> None:
    """For the web process, which anybody can ask: only a question that lies in Redis is answered, and only there."""
    try:
        key = f"doctor:{UUID(question)}:asked"
        assert settings.redis_url
        with open_redis(settings.redis_url) as client:
            asked = client.delete(key)
        if asked:
            answer(settings, engine, question, WEB)
    except (ValueError, redis.RedisError, OSError):
        return  # whoever asked sees no answer


@contextmanager
def question_for_web(settings: Settings) -> Iterator[Asked | None]:
    """None where Redis does not take it; that is another check's to tell."""
    asked = Asked()
    assert settings.redis_url
    with open_redis(settings.redis_url) as client:
        try:
            client.set(f"doctor:{asked.question}:asked", b"1", ex=KEPT)
        except (redis.RedisError, OSError):
            yield None
            return
        yield asked
        client.delete(*(f"doctor:{asked.question}:{name}" for name in ("asked", WEB)))


def web_agrees(settings: Settings, engine: Engine, asked: Asked) -> Finding:
    """After the web process was asked: it answers before it says that it is ready."""
    assert settings.redis_url
    with open_redis(settings.redis_url) as client:
        given: Any = client.get(f"doctor:{asked.question}:{WEB}")
    if given is not None:
        ours = fingerprints(settings, engine, asked.question)
        return _agreed("web-settings", "The web process", ours, {WEB: orjson.loads(given)})
    return wrong(
        "web-settings",
        "The web process does not see what is put into Redis here: it has another one, or is of another version.",
        why="It wakes no worker: letters wait for the scheduler, and so do people.",
        remedy="Give all processes the same REDIS_URL, and restart the web process after each change.",
    )


def fingerprints(settings: Settings, engine: Engine, question: str) -> dict[str, str]:
    """Of what must be the same in all processes, under a key that is used once. "" for a database that is away."""
    values = {name: _plain(getattr(settings, name)) for name in SHARED}
    try:
        values["secret_keys"] = ",".join(signing_keys(settings, make=False))
    except (NotifierError, OSError):
        values |= {"secret_keys": ""}
    marks = {name: _mark(question, name, value) for name, value in values.items()}
    try:
        with engine.connect() as conn:
            installed_at = conn.execute(text("SELECT installed_at FROM installation")).scalar_one()
        return {**marks, "database_url": _mark(question, "database", installed_at.isoformat())}
    except SQLAlchemyError:
        return {**marks, "database_url": ""}


def workers(
    settings: Settings, engine: Engine, queues: tuple[str, ...], ask: Ask, now: datetime
) -> Iterator[Finding]:
    asked = Asked()
    if not all(ask(asked.question, queue) for queue in queues):
        yield wrong(
            "workers",
            "Redis takes no messages from here.",
            why="No worker is woken; mail waits for the scheduler.",
            remedy="Check REDIS_URL, and whether Redis is full or read-only.",
        )
        return
    answers = _awaited(settings, asked, queues)
    yield from _served(engine, queues, answers, time.monotonic() - asked.at, now)
    if answers:
        ours = fingerprints(settings, engine, asked.question)
        yield _agreed("workers-settings", "A worker", ours, answers)


def _awaited(settings: Settings, asked: Asked, queues: tuple[str, ...]) -> Answers:
    assert settings.redis_url
    keys = {queue: f"doctor:{asked.question}:{queue}" for queue in queues}
    answers: Answers = {}
    with open_redis(settings.redis_url) as client:
        while len(answers) < len(queues) and time.monotonic() - asked.at < LONGEST_WAIT.total_seconds():
            for queue in queues:
                given: Any = client.get(keys[queue])
                if given is not None and queue not in answers:
                    answers[queue] = orjson.loads(given)
            if len(answers) < len(queues):
                time.sleep(PAUSE.total_seconds())
        client.delete(*keys.values())
    return answers


def _served(
    engine: Engine, queues: tuple[str, ...], answers: Answers, took: float, now: datetime
) -> Iterator[Finding]:
    """A queue that was served a moment ago is only busy."""
    silent = [queue for queue in queues if queue not in answers]
    with engine.connect() as conn:
        beats = last_beats(conn)
    busy = [queue for queue in silent if queue in beats and now - beats[queue] < BEAT_LATE]
    dead = [queue for queue in silent if queue not in busy]
    why = "What waits in a queue that nobody serves waits for ever."
    if dead:
        told = f"Nobody serves {_listed(dead)}" if answers or busy else "No worker answers"
        yield wrong("workers", f"{told}.", why=why, remedy=START_WORKERS)
    elif busy:
        yield doubtful(
            "workers",
            f"{_listed(busy)}: no answer within {LONGEST_WAIT.total_seconds():g} seconds, but a beat came lately.",
            why="Its workers are at work, or have died in the last minutes.",
            remedy="Run doctor again in a few minutes; if it stays so, start more workers.",
        )
    else:
        yield well("workers", f"Every queue answered, in {took * 1000:,.0f} ms.")


def _agreed(check: str, who: str, ours: dict[str, str], answers: Answers) -> Finding:
    if any(theirs.get("database_url") == "" for theirs in answers.values()):
        return wrong(
            check,
            f"{who} answers, but cannot reach its database.",
            why="It takes what it is asked for and can do none of it.",
            remedy="Check DATABASE_URL where it runs.",
        )
    other = sorted({name for theirs in answers.values() for name in ours if theirs.get(name) != ours[name]})
    if other:
        return wrong(
            check,
            f"{who} has other settings than this command: {', '.join(map(str.upper, other))}.",
            why="Links that one signs the other refuses; or mail leaves another way than you think.",
            remedy="Give all processes the same settings, and restart them after each change.",
        )
    return well(check, f"{who} has the same keys, database and provider as this command.")


def _mark(question: str, name: str, value: str) -> str:
    return hmac.digest(question.encode(), f"{name}={value}".encode(), "sha256").hex()[:16]


def _plain(value: Any) -> str:
    return str(value.get_secret_value() if hasattr(value, "get_secret_value") else value)


def _listed(queues: list[str]) -> str:
    return f"the queue {queues[0]}" if len(queues) == 1 else f"the queues {', '.join(queues)}"
