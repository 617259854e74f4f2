"""`notifier status`: the sentence first, and an exit code that a script can trust."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.errors import NotifierError
from notifier.ops.heartbeat import beat
from notifier.settings import Settings, load_settings
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
        beat(office.world.engine, now=datetime.now(UTC) - ago, name=queue)


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


@pytest.mark.parametrize(
    "words",
    [
        ("status",),
        ("deliveries", "list"),
        ("trace", "--email", "a@example.org"),
        ("subscribers", "show", "a@example.org"),
        ("subscribers", "export", "a@example.org"),
        ("digest", "preview", "a@example.org"),
        ("corrections", "list"),
    ],
)
def test_where_nothing_is_set_up_a_look_makes_nothing_and_says_where_it_looked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEYS"):
        monkeypatch.delenv(name)
    nowhere = tmp_path / "nowhere"
    monkeypatch.setenv("NOTIFIER_HOME", str(nowhere))
    load_settings.cache_clear()
    with pytest.raises(NotifierError, match=f"no installation here: DATABASE_URL is not set, and {nowhere}"):
        run(*words)
    assert not nowhere.exists()


def test_a_look_at_a_database_of_your_own_needs_no_redis_and_makes_no_key(
    run: Run, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDIS_URL", "SECRET_KEYS"):
        monkeypatch.delenv(name)
    nowhere = tmp_path / "nowhere"
    monkeypatch.setenv("NOTIFIER_HOME", str(nowhere))
    load_settings.cache_clear()
    assert "Looked at: the database" in run("status")
    with pytest.raises(NotifierError, match="SECRET_KEYS is not set"):
        run("trace", "--email", "anna@example.org")
    assert not nowhere.exists()


def test_what_no_worker_has_ever_served_is_not_said_to_be_well(run: Run, office: Office) -> None:
    office.sql("DELETE FROM heartbeats WHERE name = 'send'")
    assert run("status", code=1).startswith(
        "Nothing has answered yet: no worker for send has been seen since"
    )
    office.sql("DELETE FROM heartbeats")
    told = run("status", code=1)
    assert told.startswith("Nothing has answered yet: no worker has been seen since Notifier was set up")
    for queue in QUEUES:
        assert f"queue {queue} " in told
    assert (report := run("status", "--json", code=1))["ok"] is False
    assert report["troubles"] == []


def test_a_share_of_too_few_mails_is_not_judged_by(run: Run, office: Office) -> None:
    for kind, events in (("spamreport", 1), ("delivered", 150)):
        office.sql(
            "INSERT INTO feedback_hours (hour, kind, digest, events) VALUES (now(), :kind, true, :events)",
            kind=kind,
            events=events,
        )
    assert "0.67%, of too few to judge by" in run("status")
