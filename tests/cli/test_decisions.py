"""After an incident, an operator sends again what failed, all of it at once."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import Engine

from notifier.delivery.providers import Outcome
from notifier.errors import NotifierError
from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.office import Office, open_office
from tests.world import condition, days

WHY = ("--note", "the footer is mended")


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """Eight batches: three have failed, one is in doubt, four were accepted."""
    office = open_office(engine, settings.model_copy(update={"batch_size": 1}))
    bad = [lambda _: Outcome("refused", reason="cannot be rendered")] * 3
    office.provider.answers = [*bad, lambda _: Outcome("unknown", reason="timed out")]
    office.send()
    assert office.states() == {"accepted": 4, "failed": 3, "unknown": 1}
    return office


def test_all_that_failed_is_sent_again(run: Run, office: Office) -> None:
    report = run("deliveries", "retry", "--state", "failed", *WHY, "--yes", "--json")
    assert report == {"batches": 3, "people": 3, "retried": 3, "dry_run": False}
    office.send()
    assert office.states() == {"accepted": 7, "unknown": 1}
    assert office.sql("SELECT actor, action, subject, note FROM operator_actions") == [
        ("command line", "batch_retried", "3 batches", WHY[1])
    ]


def test_a_run_is_sent_again_with_what_is_in_doubt(run: Run, office: Office) -> None:
    ((key,),) = office.sql("SELECT key FROM runs")
    assert "4 of 4 will be sent again" in run("deliveries", "retry", "--run", str(key), *WHY, "--yes")
    office.send()
    assert office.states() == {"accepted": 8}


def test_a_dry_run_counts_and_changes_nothing(run: Run, office: Office) -> None:
    told = run("deliveries", "retry", "--state", "failed", "--dry-run")
    assert "3 batches (3 failed) with 3 people. Nothing was changed." in " ".join(told.split())
    assert office.states() == {"accepted": 4, "failed": 3, "unknown": 1}


def test_what_was_sent_elsewhere_while_the_question_stood_is_not_sent_by_its_answer(
    run: Run, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asked about mail that nobody had. By now they may have it."""

    ((batch,), *_) = office.sql("SELECT id FROM batches WHERE state = 'failed'")

    def hours_later(*_: object) -> None:
        office.sql("UPDATE batches SET state = 'retrying', attempts = 0 WHERE id = :id", id=batch)
        office.clock.now += days(1) / 24
        office.provider.answers = [lambda _: Outcome("unknown", reason="timed out")]
        office.send()

    monkeypatch.setattr("notifier.cli.decisions.confirm", hours_later)
    report = run(
        "deliveries", "retry", "--run", str(office.sql("SELECT key FROM runs")[0][0]), *WHY, "--json"
    )
    assert report == {"batches": 4, "people": 4, "retried": 3, "dry_run": False}
    assert office.sql("SELECT state FROM batches WHERE id = :id", id=batch) == [("unknown",)]


def test_where_nobody_can_answer_nobody_is_asked_and_nothing_is_sent(run: Run, office: Office) -> None:
    assert "--yes" in run("deliveries", "retry", "--state", "failed", *WHY, code=2)
    ((batch,), *_) = office.sql("SELECT id FROM batches WHERE state = 'failed'")
    assert "--yes" in run("deliveries", "drop", str(batch), *WHY, code=2)
    assert office.states() == {"accepted": 4, "failed": 3, "unknown": 1}


@pytest.mark.parametrize("verb", ["retry", "drop"])
def test_a_batch_that_is_named_and_not_taken_is_a_failure(run: Run, office: Office, verb: str) -> None:
    told = run("deliveries", verb, "999", *WHY, "--yes", code=1)
    assert "None of these" in told
    ((batch,), *_) = office.sql("SELECT id FROM batches WHERE state = 'failed'")
    told = run("deliveries", verb, str(batch), "999", *WHY, "--yes", code=1)
    assert "1 of 2" in told
    assert "Not taken, as they are in no such state: 999." in told
    assert office.states()["failed" if verb == "retry" else "dropped"] == (2 if verb == "retry" else 1)


def test_a_drop_says_how_many_people_it_is_and_can_be_tried(run: Run, office: Office) -> None:
    ids = [str(batch) for (batch,) in office.sql("SELECT id FROM batches WHERE state <> 'accepted'")]
    told = run("deliveries", "drop", *ids, "--dry-run")
    assert "4 batches (3 failed, 1 unknown) with 4 people. Nothing was changed." in " ".join(told.split())
    report = run("deliveries", "drop", *ids, *WHY, "--yes", "--json")
    assert report == {"batches": 4, "people": 4, "dropped": 4, "dry_run": False}
    assert office.states() == {"accepted": 4, "dropped": 4}


def test_all_that_tells_of_a_wrong_event_is_dropped_and_what_is_out_stays(run: Run, office: Office) -> None:
    ((wrong,),) = office.sql("SELECT id FROM change_events")
    office.clock.now += days(1)
    right = office.world.event(condition("Asthma"), kind="new_study")
    office.world.run("daily", office.clock())
    told = run("deliveries", "drop", "--event", str(wrong), "--dry-run")
    assert "4 batches (3 failed, 1 unknown) with 4 people. Nothing was changed." in " ".join(told.split())
    report = run("deliveries", "drop", "--event", str(wrong), *WHY, "--yes", "--json")
    assert report == {"batches": 4, "people": 4, "dropped": 4, "dry_run": False}
    assert office.states() == {"accepted": 4, "dropped": 4, "planned": 8}
    ((key,),) = office.sql("SELECT max(key) FROM runs")
    run("deliveries", "drop", "--event", str(right), "--state", "planned", "--run", str(key), *WHY, "--yes")
    assert office.states() == {"accepted": 4, "dropped": 12}
    with pytest.raises(NotifierError, match="There is no change event 999"):
        run("deliveries", "drop", "--event", "999", *WHY, "--yes")


def test_what_failed_of_a_run_is_given_up_and_doubt_stays(run: Run, office: Office) -> None:
    ((key,),) = office.sql("SELECT key FROM runs")
    assert "3 of 3 dropped" in run(
        "deliveries", "drop", "--state", "failed", "--run", str(key), *WHY, "--yes"
    )
    assert office.states() == {"accepted": 4, "dropped": 3, "unknown": 1}


@pytest.mark.parametrize(
    "words",
    [(), ("1", "--state", "failed"), ("--state", "planned"), ("--state", "retrying"), ("--state", "sending")],
)
def test_a_choice_that_is_not_clear_drops_nothing(run: Run, office: Office, words: tuple[str, ...]) -> None:
    run("deliveries", "drop", *words, *WHY, "--yes", code=2)
    assert office.states() == {"accepted": 4, "failed": 3, "unknown": 1}


@pytest.mark.parametrize(("answer", "failed"), [("y\n", 0), ("n\n", 3)])
def test_on_a_terminal_the_operator_is_asked_with_the_numbers(
    settings: Settings, office: Office, answer: str, failed: int
) -> None:
    ours, theirs = os.openpty()
    os.write(ours, answer.encode())
    chosen = ("database_url", "redis_url", "notifier_home")
    done = subprocess.run(
        [sys.executable, "-m", "notifier", "deliveries", "retry", "--state", "failed", *WHY],
        env={**os.environ, **{name.upper(): str(getattr(settings, name)) for name in chosen}},
        stdin=theirs,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert "3 batches (3 failed) with 3 people" in done.stderr
    assert office.states().get("failed", 0) == failed


@pytest.mark.parametrize(
    "words", [(), WHY, ("1", "--state", "failed", *WHY), ("--state", "failed"), ("--state", "accepted", *WHY)]
)
def test_a_choice_that_is_not_clear_sends_nothing(run: Run, office: Office, words: tuple[str, ...]) -> None:
    run("deliveries", "retry", *words, "--yes", code=2)
    assert office.states() == {"accepted": 4, "failed": 3, "unknown": 1}


def test_a_run_that_does_not_exist_is_named_as_such(run: Run, office: Office) -> None:
    with pytest.raises(NotifierError, match="There is no run daily/1999"):
        run("deliveries", "retry", "--run", "daily/1999", *WHY, "--yes")


def test_a_state_that_does_not_exist_is_answered_with_those_that_do(run: Run) -> None:
    assert "retrying" in run("deliveries", "list", "--state", "lost", code=2)
    assert "our_fault" in run("deliveries", "list", "--failed-class", "our-fault", code=2)
