"""Asking the registry is a sign of life."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine, text

from notifier.errors import NotifierError
from notifier.ops.heartbeat import QUEUES, beat, last_poll
from tests.cli.conftest import Run
from tests.fakes.registry import Registry
from tests.registry.samples import study


def test_a_poll_that_ended_is_noted_and_one_that_did_not_is_not(
    run: Run, registry: Registry, engine: Engine, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REGISTRY_API_URL", registry.url)
    for queue in QUEUES:
        beat(engine, now=datetime.now(UTC), name=queue)
    assert run("status", "--json", code=0)["registry_asked_at"] is None
    registry.pages = [[study(nctId="NCT00000001")]]
    registry.answers = [(404, "", {})]
    with pytest.raises(NotifierError):
        run("records", "poll")
    with engine.connect() as conn:
        assert last_poll(conn) is None
    assert run("records", "poll", "--json")["new"] == 1
    assert run("status", "--json")["registry_asked_at"] is not None
    with engine.begin() as conn:
        conn.execute(text("UPDATE heartbeats SET seen_at = seen_at - interval '4 days' WHERE name = 'poll'"))
    troubles = run("status", "--json", code=1)["troubles"]
    assert [one["alert"] for one in troubles] == ["PollOverdue"]
    assert run("records", "poll", "--json")["unchanged"] == 1
    assert run("status", "--json", code=0)["troubles"] == []
