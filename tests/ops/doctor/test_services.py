"""Database, Redis, workers and scheduler, each fault with its remedy and without what follows from it."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import Engine, text

from notifier.db.engine import make_engine
from notifier.ops.doctor import broker, database
from tests.ops.doctor.conftest import GOOD_KEY, QUEUES, Patient
from tests.world import World, condition


def sql(engine: Engine, statement: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(statement))


def test_everything_is_down_and_it_ends_in_time(patient: Patient) -> None:
    nobody = "postgresql+psycopg://ana:a-password-of-hers@127.0.0.1:9/x"
    patient.change(redis_url="redis://:a-password-of-hers@127.0.0.1:9/0", database_url=nobody)
    patient.here = replace(patient.here, engine=make_engine(nobody))
    began = time.monotonic()
    findings = patient.findings()
    assert time.monotonic() - began < 17
    assert [one.check for one in findings if one.status == "fail"] == ["database", "redis", "public-url"]
    assert "a-password-of-hers" not in str(findings)


def test_a_database_that_swallows_connections_is_given_up(patient: Patient) -> None:
    away = "postgresql+psycopg://ana@10.255.255.1:5432/x"
    patient.here = replace(patient.here, engine=make_engine(away))
    assert patient.found("database").status == "fail"


def test_tables_that_are_behind_or_ahead(patient: Patient, engine: Engine) -> None:
    sql(engine, "UPDATE alembic_version SET version_num = 'from-the-future'")
    assert "newer version" in patient.found("migrations").what
    sql(engine, "DELETE FROM alembic_version")
    found = patient.found("migrations")
    assert (found.status, "notifier db upgrade" in found.remedy) == ("fail", True)
    assert patient.found("workers").status == "warn", "one cause is told once"


def test_a_database_that_was_restored(patient: Patient, engine: Engine) -> None:
    assert patient.found("home").status == "pass"
    sql(engine, "UPDATE installation SET home = 'elsewhere'")
    found = patient.found("home")
    assert (found.status, "notifier db restored" in found.remedy) == ("fail", True)


def test_a_database_that_is_empty(patient: Patient, empty_database_url: str) -> None:
    patient.here = replace(patient.here, engine=make_engine(empty_database_url))
    assert "empty" in patient.found("migrations").what
    patient.here.engine.dispose()


def test_a_redis_that_throws_messages_away(redis_url: str) -> None:
    def said(**about: object) -> tuple[str, str]:
        found = broker._memory({"used_memory": 95, **about})
        return found.status, found.check

    assert said(maxmemory=100, maxmemory_policy="allkeys-lru") == ("fail", "redis-memory")
    assert said(maxmemory=0, maxmemory_policy="allkeys-lru")[0] == "warn"
    assert said(maxmemory=100, maxmemory_policy="noeviction")[0] == "warn", "nearly full"
    assert said(maxmemory=0, maxmemory_policy="noeviction")[0] == "pass"


def test_a_redis_that_refuses_us(patient: Patient) -> None:
    host = str(patient.here.settings.redis_url).rpartition("@")[2]
    patient.change(redis_url=f"redis://:not-the-password@{host}")
    found = patient.found("redis")
    assert "refuses the password" in found.what
    assert "not-the-password" not in str(patient.findings())


@pytest.mark.parametrize("apart", [timedelta(minutes=10), -timedelta(minutes=10)])
def test_clocks_that_disagree(patient: Patient, apart: timedelta) -> None:
    patient.here = replace(patient.here, now=lambda: datetime.now(UTC) + apart)
    wrongs = patient.wrongs()
    assert {"clock-database", "clock-redis"} <= set(wrongs)


def test_a_second_s_difference_is_none() -> None:
    now = datetime.now(UTC)
    assert database.skew("clock", "them", now, now + timedelta(seconds=1)).status == "pass"
    assert database.skew("clock", "them", now, now + timedelta(seconds=20)).status == "warn"


def test_a_scheduler_that_sleeps_while_workers_answer(patient: Patient, engine: Engine) -> None:
    sql(engine, "UPDATE heartbeats SET seen_at = seen_at - interval '1 hour'")
    found = patient.found("scheduler")
    assert (found.status, "sleeps" in found.what) == ("fail", True)
    assert patient.found("workers").status == "pass"
    assert patient.found("scheduler").status == "fail", "to ask is no beat"


def test_a_scheduler_that_has_never_run(patient: Patient, engine: Engine) -> None:
    sql(engine, "DELETE FROM heartbeats")
    sql(engine, "UPDATE installation SET installed_at = now() - interval '1 day'")
    assert patient.found("scheduler").status == "fail"
    sql(engine, "UPDATE installation SET installed_at = now()")
    assert patient.found("scheduler").status == "warn", "the first beat comes after a minute"


def test_workers_that_are_dead_and_a_queue_that_nobody_serves(patient: Patient, engine: Engine) -> None:
    sql(engine, "UPDATE heartbeats SET seen_at = seen_at - interval '1 hour'")
    patient.workers.serve = {"build", "send", "upkeep"}
    assert patient.found("workers").what == "Nobody serves the queue prompt."
    patient.workers.serve = set()
    assert patient.found("workers").what == "No worker answers."


def test_workers_that_are_only_busy(patient: Patient) -> None:
    patient.workers.serve = {"prompt"}
    found = patient.found("workers")
    assert (found.status, "beat came lately" in found.what) == ("warn", True)


def test_workers_with_another_key_than_ours(patient: Patient) -> None:
    other = patient.workers.settings.model_copy(update={"secret_keys": [SecretStr(GOOD_KEY[::-1])]})
    patient.workers.settings = other
    found = patient.found("workers-settings")
    assert (found.status, "SECRET_KEYS" in found.what) == ("fail", True)
    assert GOOD_KEY not in str(patient.findings())


def test_questions_leave_nothing_behind_in_redis(patient: Patient) -> None:
    patient.findings()
    with redis.Redis.from_url(str(patient.here.settings.redis_url)) as client:
        assert client.keys("doctor:*") == []


def test_runs_that_are_overdue_and_zones_that_are_gone(patient: Patient, engine: Engine) -> None:
    World(engine, patient.here.settings).person("ana", condition("Asthma"))
    sql(engine, "UPDATE schedules SET next_due_at = now() + interval '3 hours'")
    assert "next daily digests are due" in patient.found("schedules").what
    sql(engine, "UPDATE schedules SET next_due_at = now() - interval '3 hours' WHERE frequency = 'daily'")
    assert "daily: 3 h" in patient.found("schedules").what
    sql(engine, "UPDATE schedules SET next_due_at = now() + interval '30 days' WHERE frequency = 'daily'")
    assert "more than a week ahead" in patient.found("schedules").what
    sql(engine, "UPDATE schedules SET next_due_at = now() + interval '1 day', zone = 'Mars/Base'")
    assert "Mars/Base" in patient.found("schedules").what


def test_every_queue_is_asked(patient: Patient) -> None:
    asked: list[str] = []
    ask = patient.here.ask
    patient.here = replace(
        patient.here, ask=lambda question, queue: asked.append(queue) or ask(question, queue)
    )
    patient.findings()
    assert tuple(asked) == QUEUES
