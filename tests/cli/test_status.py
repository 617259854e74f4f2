"""`notifier status`: the sentence first, and an exit code that a script can trust."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.ops.heartbeat import beat
from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.office import Office, open_office

QUEUES = ("prompt", "build", "send", "upkeep")


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """Eight people whose digests wait; scheduler and workers have just been seen."""
    office = open_office(engine, settings)
    beaten(office, timedelta(seconds=20))
    office.sql("UPDATE batches SET created_at = now(), next_attempt_at = now()")
    office.sql("UPDATE runs SET planned_at = now()")
    return office


def beaten(office: Office, ago: timedelta) -> None:
    for queue in QUEUES:
        beat(office.world.engine, now=datetime.now(UTC) - ago, queue=queue)


def test_all_is_well(run: Run, office: Office) -> None:
    told = run("status")
    assert told.startswith("All is well: 8 mails due")
    assert "queue upkeep" in told
    report = run("status", "--json")
    assert (report["ok"], report["deliveries"], report["due"]) == (True, {"planned": 8}, 8)
    assert report["runs"] == [{"key": report["runs"][0]["key"], "people": 8, "waiting": 8}]


def test_what_was_sent_and_what_failed_is_counted(run: Run, office: Office) -> None:
    office.clock.now = datetime.now(UTC)
    office.provider.answers = [
        lambda batch: Outcome("accepted", refused={batch.recipients[0].delivery_id: "not an address"})
    ]
    office.send()
    assert run("status", "--json")["deliveries"] == {"accepted": 7, "failed": 1}


def test_a_key_that_is_refused_is_the_first_word_and_the_exit_code(run: Run, office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "the provider refuses the key (HTTP 401)", now=datetime.now(UTC))
    told = run("status", code=1)
    assert told.startswith("Sending is stopped: the provider refuses the key (HTTP 401)")
    assert "docs/runbooks/ProviderAuthFailing.md" in told
    report = run("status", "--json", code=1)
    assert [trouble["alert"] for trouble in report["troubles"]] == ["ProviderAuthFailing"]
    assert not report["ok"]


def test_a_pause_by_an_operator_is_told_and_is_no_trouble(run: Run, office: Office) -> None:
    run("sending", "pause", "--note", "wrong footer")
    told = run("status")
    assert told.startswith("An operator paused all sending (wrong footer)")


def test_scheduler_and_workers_that_are_silent(run: Run, office: Office) -> None:
    office.sql("UPDATE heartbeats SET seen_at = seen_at - interval '1 hour'")
    assert "BeatSilent" in run("status", code=1)
