"""Asking the registry is a sign of life."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from notifier.errors import NotifierError
from notifier.ops.heartbeat import QUEUES, beat
from notifier.registry.poll import OVERLAP
from tests.cli.conftest import Run
from tests.fakes.registry import Registry
from tests.registry.samples import study

TODAY = datetime.now(UTC).date()


def test_a_poll_that_ended_is_noted_and_so_is_one_that_did_not(
    run: Run, registry: Registry, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REGISTRY_API_URL", registry.url)
    for queue in QUEUES:
        beat(engine, now=datetime.now(UTC), name=queue)
    assert run("status", "--json")["registry_read_at"] is None
    registry.records = [study(nctId="NCT00000001", lastUpdatePostDateStruct={"date": str(TODAY)})]
    registry.answers = [(404, "", {})]
    with pytest.raises(NotifierError):
        run("records", "poll")
    found = run("status", "--json")
    assert found["registry_read_at"] is None
    assert found["registry_asked_at"] is not None
    assert run("records", "poll", "--json")["new"] == 1
    assert run("status", "--json")["registry_read_at"] is not None
    with engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET seen_at = seen_at - interval '4 days' WHERE name = 'poll'"))
    troubles = run("status", "--json", code=1)["troubles"]
    assert [one["alert"] for one in troubles] == ["PollOverdue"]
    assert run("records", "poll", "--json")["read"] == 0
    assert run("status", "--json")["troubles"] == []


def test_a_poll_says_what_it_has_read(run: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REGISTRY_API_URL", registry.url)
    registry.records = [{"protocolSection": 1}]
    told = run("records", "poll")
    assert f"Read what was posted since {TODAY - OVERLAP}, and all that somebody follows." in told
    assert "page one:1: " in told
    assert "The registry has no newer data" in run("records", "poll")
    assert "Read what was posted since 2026-01-01" in run("records", "poll", "--since", "2026-01-01")
