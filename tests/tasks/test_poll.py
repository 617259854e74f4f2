"""Workers ask the registry only where they are told to, and a registry that fails is no fault of theirs."""

from typing import Any

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from notifier.settings import Settings
from tasks import jobs
from tests.fakes.registry import Registry
from tests.tasks.test_heartbeats import Here


@pytest.fixture
def here(registry: Registry, settings: Settings, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Here:
    chosen = settings.model_copy(update={"registry_api_url": registry.url, "poll_registry": True})
    here = Here(chosen, engine)
    monkeypatch.setattr(jobs, "process", lambda: here)
    return here


def test_nobody_is_asked_unless_that_was_chosen(here: Here, registry: Registry) -> None:
    here.settings = here.settings.model_copy(update={"poll_registry": False})
    jobs.poll()
    assert registry.asked == []


def test_a_registry_that_refuses_is_logged_without_its_words(here: Here, registry: Registry) -> None:
    registry.answers = [(404, "NCT number NCT01234567 not found", {})]
    with capture_logs() as log_lines:
        jobs.poll()
    (line,) = [line for line in log_lines if line["event"] == "registry_did_not_answer"]
    assert line["status"] == 404
    assert "NCT01234567" not in str(log_lines)


def test_what_is_left_when_the_time_is_up_wakes_the_next_worker(
    here: Here, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[tuple[Any, ...]] = []
    monkeypatch.setattr(jobs, "wake", lambda *what: woken.append(what))
    monkeypatch.setattr(jobs, "POLL_FOR", jobs.POLL_FOR * 0)
    jobs.poll()
    assert woken == [("tasks.poll", 1)]
