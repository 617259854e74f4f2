"""The command after a restore: it says what it would park, asks, parks, and mail goes on when it is told to."""

import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from uuid import UUID

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


def anna_of(office: Office) -> str:
    (anna,) = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna%'")[0]
    return mark(cast(UUID, anna))


def restored_by(run: Run, folder: Path, *logs: str) -> int:
    """How many stopped again by logs of this content."""
    paths = [folder / f"{number}.log" for number in range(len(logs))]
    for path, content in zip(paths, logs, strict=True):
        path.write_text(content)
    words = [word for path in paths for word in ("--log", str(path))]
    stopped: int = run("db", "restored", *NOTE, *words, "--yes", "--json")["stopped_again"]
    return stopped


def colourful(moment: str, word: str, person: str) -> str:
    coloured = (f"\x1b[36m{part}\x1b[0m" for part in (moment, "info", f"person_{word}", "person", person))
    return "{} [{}] {}   {}={}\n".format(*coloured)


def as_json(moment: str, word: str, person: str) -> str:
    fields = {"person": person, "event": f"person_{word}", "level": "info", "timestamp": moment}
    return json.dumps(fields) + "\n"


def kept_by_docker(line: str) -> str:
    return json.dumps({"log": line, "stream": "stderr", "time": "2026-11-23T09:00:01.123456789Z"}) + "\n"


@pytest.mark.parametrize("write", [colourful, as_json])
@pytest.mark.parametrize("collect", [str, kept_by_docker, lambda line: kept_by_docker(kept_by_docker(line))])
def test_a_log_is_read_as_collectors_keep_it(
    run: Run, office: Office, tmp_path: Path, write: Callable[..., str], collect: Callable[[str], str]
) -> None:
    line = write("2026-11-23T09:00:00.120000Z", "stopped", anna_of(office))
    assert restored_by(run, tmp_path, collect(line)) == 1


def test_a_log_that_was_rotated_is_read(run: Run, office: Office, tmp_path: Path) -> None:
    path = tmp_path / "web.log.1.gz"
    path.write_bytes(gzip.compress(as_json("2026-11-23T09:00:00Z", "stopped", anna_of(office)).encode()))
    assert run("db", "restored", *NOTE, "--log", str(path), "--yes", "--json")["stopped_again"] == 1


def test_logs_of_two_processes_are_read_in_the_order_of_time(
    run: Run, office: Office, tmp_path: Path
) -> None:
    """They undid it on one, and stopped for good on the other, whose log is given first."""
    anna = anna_of(office)
    first = as_json("2026-11-23T08:00:00Z", "stopped", anna) + as_json(
        "2026-11-23T10:00:00Z", "stopped", anna
    )
    assert restored_by(run, tmp_path, first, as_json("2026-11-23T09:00:00Z", "back", anna)) == 1


def test_who_came_back_since_their_line_was_written_stays(run: Run, office: Office, tmp_path: Path) -> None:
    office.sql(
        """INSERT INTO subscription_changes (subscriber_id, at, action, via)
           SELECT id, '2026-10-03T00:00Z', 'confirm', 'confirm' FROM subscribers WHERE email ~ '^(anna|ben)'"""
    )
    (ben,) = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'ben%'")[0]
    log = as_json("2026-09-23T09:00:00Z", "stopped", anna_of(office))
    log += as_json("2026-11-23T09:00:00Z", "stopped", mark(cast(UUID, ben)))
    assert restored_by(run, tmp_path, log) == 1
    assert office.sql("SELECT email FROM subscribers WHERE state = 'stopped'") == [("ben@example.org",)]


@pytest.mark.parametrize("cut", ["person=", "no time", "2026-11-23T09:00:00Z person=0123"])
def test_a_line_about_somebody_that_cannot_be_read_is_no_reason_to_mail_them(
    run: Run, office: Office, tmp_path: Path, cut: str
) -> None:
    with pytest.raises(NotifierError, match="cannot be read: 1"):
        restored_by(run, tmp_path, f"person_stopped {cut}\n")
    assert office.states() == {"planned": 8}


def test_it_says_so_where_nothing_shows_that_there_was_a_restore(run: Run, office: Office) -> None:
    words = "Nothing here shows that this database was restored"
    assert words not in run("db", "restored", *NOTE, "--yes")
    assert words in run("db", "restored", *NOTE, "--dry-run")


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
        beat(office.world.engine, now=datetime.now(UTC), name=queue)
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


def test_a_moment_before_mail_that_the_backup_knows_of_is_no_moment(run: Run, office: Office) -> None:
    """The year is mistyped: no schedule would be parked, and all would be mailed again."""
    office.sql("UPDATE batches SET attempted_at = '2026-11-22T08:00:37.5Z'")
    for early in ("2025-11-23T09:00Z", "2026-11-22T08:00:36Z"):
        with pytest.raises(
            NotifierError, match="too early: this backup itself knows of mail at 2026-11-22T08:00:37Z"
        ):
            run("db", "restored", "--until", early, *NOTE, "--yes")
    assert office.states() == {"planned": 8}
    run("db", "restored", "--until", "2026-11-22T08:00:37Z", *NOTE, "--yes")
    assert office.states() == {"unknown": 8}


def test_without_a_log_it_says_who_is_mailed_again(run: Run, office: Office, tmp_path: Path) -> None:
    words = "No --log names anybody who stopped"
    assert words in run("db", "restored", *NOTE, "--dry-run")
    assert words not in run("db", "restored", "--nothing-lost", *NOTE, "--dry-run")
    log = tmp_path / "web.log"
    log.write_text(as_json("2026-11-23T09:00:00Z", "stopped", anna_of(office)))
    assert words not in run("db", "restored", *NOTE, "--log", str(log), "--dry-run")
