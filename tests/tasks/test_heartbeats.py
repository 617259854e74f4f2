"""Each queue has a heartbeat, and the watcher outside is told only while all is well."""

from dataclasses import dataclass
from datetime import datetime

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.ops.troubles import Trouble
from notifier.settings import Settings
from tasks import jobs, queues
from tests.ops.test_ping import watcher
from tests.world import NOON


@dataclass
class Here:
    settings: Settings
    engine: Engine

    @staticmethod
    def clock() -> datetime:
        return NOON


def test_a_heartbeat_goes_through_each_queue():
    schedule = queues.OPTIONS["beat_schedule"].values()
    beats = [entry["options"].get("queue") for entry in schedule if entry["task"] == "tasks.heartbeat"]
    assert sorted(beats) == sorted(queue.name for queue in queues.OPTIONS["task_queues"])


def test_the_watcher_is_told_while_all_is_well_and_hears_nothing_when_it_is_not(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, engine: Engine
):
    with watcher(200) as (url, heard):
        here = Here(settings.model_copy(update={"heartbeat_url": SecretStr(url)}), engine)
        monkeypatch.setattr(jobs, "process", lambda: here)
        jobs.ping_watcher()
        assert len(heard) == 1
        with engine.begin() as conn:
            brakes.pull(conn, "breaker", "HTTP 401", now=NOON)
        jobs.ping_watcher()
        assert len(heard) == 1


def test_what_failed_hours_ago_does_not_silence_the_watcher(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, engine: Engine
):
    found = [Trouble("DeliveriesFailed", "words", calls=False)]
    monkeypatch.setattr(jobs, "troubles", lambda _: found)
    asked = []
    monkeypatch.setattr(jobs, "ping", asked.append)
    here = Here(settings.model_copy(update={"heartbeat_url": SecretStr("http://localhost")}), engine)
    monkeypatch.setattr(jobs, "process", lambda: here)
    jobs.ping_watcher()
    assert len(asked) == 1
    found.append(Trouble("SendingStalled", "words"))
    jobs.ping_watcher()
    assert len(asked) == 1


def test_nobody_is_told_unless_somebody_was_named(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, engine: Engine
):
    asked = []
    monkeypatch.setattr(jobs, "ping", asked.append)
    monkeypatch.setattr(jobs, "process", lambda: Here(settings, engine))
    jobs.ping_watcher()
    assert asked == []
