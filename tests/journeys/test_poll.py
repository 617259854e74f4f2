"""Workers read the registry by themselves, are killed in the middle of it, and people hear of each change once."""

import signal
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from sqlalchemy import create_engine, text

from tests.fakes.registry import Query, Registry
from tests.journeys.records import record
from tests.journeys.stage import Stage, kill, until

TODAY = str(datetime.now(UTC).date())
STUDIES = [f"NCT9000000{number}" for number in range(1, 7)]
FOLLOWED = STUDIES[2]
DAY_1, DAY_2 = (f"{datetime.now(UTC).date() + timedelta(days=days)}T12:00Z" for days in (1, 2))


def ask(stage: Stage) -> None:
    """As the scheduler does, but twice, as two schedulers would."""
    for _ in range(2):
        call = stage.process("celery", "-A", "tasks", "call", "tasks.poll")
        assert call.wait(timeout=60) == 0


def read_at(stage: Stage) -> str | None:
    return stage.notifier("status", "--json", ok=None)["registry_read_at"]  # type: ignore[no-any-return]


def mailed(stage: Stage, day: str) -> Counter[str]:
    before = stage.mailed()
    for _ in range(2):
        stage.notifier("digest", "run", "--frequency", "daily", "--at", day, "--wait")
    return stage.mailed() - before


def people(stage: Stage) -> None:
    file = stage.write(
        "people.csv",
        "email,study,condition,frequency,timezone,confirmed_at",
        f"ana@example.org,{FOLLOWED},,daily,UTC,2026-11-20",
        "ben@example.org,,Asthma,daily,UTC,2026-11-20",
    )
    stage.notifier("subscribers", "import", file)


def half_a_minute_passes(stage: Stage) -> None:
    """Until then whoever reads it is thought to be alive."""
    engine = create_engine(str(stage.settings.database_url))
    with engine.begin() as conn:
        conn.execute(text("UPDATE registry_polls SET read_at = read_at - interval '31 seconds'"))
    engine.dispose()


def kill_on_the_third_page(stage: Stage, registry: Registry) -> None:
    killed, reached = Event(), Event()

    def hang(query: Query) -> None:
        if query.get("pageToken", "").startswith("[2,"):
            reached.set()
            killed.wait(60)

    registry.on_studies = hang
    with stage.worker() as worker:
        ask(stage)
        assert reached.wait(60)
        kill(worker, signal.SIGKILL)
    killed.set()
    registry.on_studies = lambda _: None
    registry.asked.clear()


@pytest.mark.faults
def test_workers_read_the_registry_and_a_kill_in_the_middle_loses_and_repeats_nothing(
    stage: Stage, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLL_REGISTRY", "true")
    monkeypatch.setenv("REGISTRY_API_URL", registry.url)
    registry.records = [record(one, posted=TODAY, first_posted=TODAY) for one in STUDIES]
    registry.most = 1
    people(stage)
    kill_on_the_third_page(stage, registry)
    assert read_at(stage) is None
    half_a_minute_passes(stage)
    with stage.worker():
        ask(stage)
        until(lambda: read_at(stage), "the first poll")
        assert all("pageToken" in page or "filter.ids" in page for page in registry.pages)
        assert mailed(stage, DAY_1) == {"ben@example.org": 1}

        # Without a new posting date; who follows the condition alone does not hear of it.
        registry.records = [record(FOLLOWED, posted=TODAY, first_posted=TODAY, overallStatus="UNKNOWN")]
        registry.data_timestamp = "2026-11-23T09:00:05"
        first = read_at(stage)
        ask(stage)
        until(lambda: read_at(stage) != first, "the second poll")
        assert mailed(stage, DAY_2) == {"ana@example.org": 1}
