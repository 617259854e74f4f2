"""The command after a restore: it says what it would park, asks, parks, and mail goes on when it is told to."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.errors import NotifierError
from notifier.ops.heartbeat import QUEUES, beat
from notifier.settings import Settings
from notifier.subscriptions.journal import mark
from tests.cli.conftest import Run
from tests.delivery.office import Office, open_office

NOTE = ("--note", "the disk failed")


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """Eight people whose digest waits, in a database that was somewhere else yesterday."""
    office = open_office(engine, settings)
    office.sql("UPDATE installation SET home = 'elsewhere'")
    office.send()
    assert office.provider.calls == 0
    return office


def test_what_waited_is_parked_and_the_rest_goes_on(run: Run, office: Office, tmp_path: Path) -> None:
    (anna,) = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna%'")[0]
    log = tmp_path / "web.log"
    log.write_text(
        f"2026-11-23T09:00:00Z [info     ] person_stopped   person={mark(anna)}\nno line of ours\n"
    )
    looked = run("db", "restored", *NOTE, "--log", str(log), "--dry-run", "--json")
    assert (looked["open_batches"], looked["people_in_them"], looked["people_who_ended"]) == (1, 8, 1)
    assert office.states() == {"planned": 8}
    done = run("db", "restored", *NOTE, "--log", str(log), "--yes", "--json")
    assert (done["parked_batches"], done["stopped_again"]) == (1, 1)
    assert office.states() == {"unknown": 8}
    assert office.sql("SELECT state, count(*) FROM subscribers GROUP BY 1 ORDER BY 1") == [
        ("active", 7),
        ("stopped", 1),
    ]
    assert office.sql("SELECT name FROM brakes") == [("paused",)]
    run("sending", "resume", *NOTE)
    office.send()
    assert office.sql("SELECT name FROM brakes") == []
    assert office.sql("SELECT action, actor FROM operator_actions ORDER BY id LIMIT 1") == [
        ("database_restored", "command line")
    ]


def test_what_was_moved_whole_goes_on_as_it_was(run: Run, office: Office) -> None:
    run("db", "restored", "--nothing-lost", *NOTE, "--yes")
    run("sending", "resume", *NOTE)
    office.send()
    assert office.states() == {"accepted": 8}


def test_resuming_alone_does_not_help(run: Run, office: Office) -> None:
    with pytest.raises(NotifierError, match="restored, moved or copied"):
        run("sending", "resume", *NOTE)
    office.send()
    assert office.provider.calls == 0


def test_the_pause_of_an_operator_keeps_its_reason(run: Run, office: Office) -> None:
    run("sending", "pause", "--note", "a wrong footer")
    office.send()
    run("db", "restored", "--nothing-lost", *NOTE, "--yes")
    assert office.sql("SELECT reason FROM brakes") == [("a wrong footer",)]


def test_status_and_digest_run_say_that_the_database_is_away(run: Run, office: Office) -> None:
    for queue in QUEUES:
        beat(office.world.engine, now=datetime.now(UTC), queue=queue)
    told = run("status", code=1)
    assert told.startswith("Nothing is sent: this database was restored, moved or copied")
    assert [one["alert"] for one in run("status", "--json", code=1)["troubles"]] == ["DatabaseAway"]
    for words in ((), ("--dry-run",)):
        with pytest.raises(NotifierError, match="No digest is planned: this database was restored"):
            run("digest", "run", "--frequency", "daily", *words)


def test_nothing_is_done_where_nobody_can_be_asked(run: Run, office: Office) -> None:
    run("db", "restored", *NOTE, code=2)
    assert office.states() == {"planned": 8}


@pytest.mark.parametrize("words", [("--until", "yesterday"), ("--until", "")])
def test_a_moment_that_is_none_is_named(run: Run, office: Office, words: tuple[str, str]) -> None:
    assert "It looks like" in run("db", "restored", *NOTE, *words, "--yes", code=2)
