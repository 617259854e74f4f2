"""What operators type when something is wrong."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from notifier.delivery import brakes, watching
from notifier.delivery.providers import Outcome
from notifier.errors import NotifierError
from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.office import ASTHMA, Office, open_office


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


def brakes_of(office: Office) -> list[tuple[object, ...]]:
    return office.sql("SELECT name, reason FROM brakes")


def test_a_pause_holds_everything_back_until_it_is_lifted(run: Run, office: Office) -> None:
    run("sending", "pause", "--note", "wrong footer")
    office.send()
    assert office.provider.calls == 0
    assert brakes_of(office) == [("paused", "wrong footer")]
    run("sending", "resume")
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.sql("SELECT action, note FROM operator_actions ORDER BY id") == [
        ("sending_paused", "wrong footer"),
        ("sending_resumed", "by an operator"),
    ]


def test_digests_that_are_held_for_complaints_go_on_only_when_that_is_asked(run: Run, office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "unwelcome", "9 of 600 mails were reported as spam", now=office.clock.now)
        brakes.pull(conn, "breaker", "HTTP 401", now=office.clock.now)
    told = run("sending", "resume", "--note", "the key is mended")
    assert "Lifted: breaker (HTTP 401)." in told
    assert "Still on: unwelcome (9 of 600 mails were reported as spam)." in told
    assert "--unwelcome" in told
    office.send()
    assert office.provider.calls == 0
    assert "Lifted: unwelcome" in run("sending", "resume", "--unwelcome", "--note", "a bad import")
    office.send()
    assert office.states() == {"accepted": 8}
    assert "No brake was on." in run("sending", "resume", "--note", "again")


def test_to_lift_a_pause_does_not_forgive_complaints(run: Run, office: Office) -> None:
    """The count of a week begins anew only for whom it stopped."""
    since = datetime(2026, 1, 1, tzinfo=UTC)
    run("sending", "pause", "--note", "wrong footer")
    run("sending", "resume")
    with office.world.engine.connect() as conn:
        assert watching._since(conn, since) == since
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "unwelcome", "9 of 600 mails were reported as spam", now=office.clock.now)
    run("sending", "resume", "--unwelcome")
    with office.world.engine.connect() as conn:
        assert watching._since(conn, since) > since


def test_one_run_can_be_held_back_alone(run: Run, office: Office) -> None:
    ((key,),) = office.sql("SELECT key FROM runs")
    run("sending", "pause", "--run", str(key))
    office.send()
    assert office.provider.calls == 0
    run("sending", "resume", "--run", str(key))
    office.send()
    assert office.states() == {"accepted": 8}


def test_an_unknown_run_is_named_as_such(run: Run) -> None:
    with pytest.raises(NotifierError, match="There is no run daily/1999-01-01"):
        run("sending", "pause", "--run", "daily/1999-01-01/UTC/08")


def test_what_is_in_doubt_is_listed_and_an_operator_decides(run: Run, office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    listed = run("deliveries", "list", "--state", "unknown", "--json")
    assert len(listed) == 8
    batch = str(listed[0]["batch"])
    run("deliveries", "retry", batch, "--note", "asked the provider: never arrived", "--yes")
    office.send()
    assert office.states() == {"accepted": 8}
    story = run("deliveries", "show", listed[0]["id"], "--json")
    assert (story["state"], story["attempts"]) == ("accepted", 1)


def test_what_nobody_needs_any_more_can_be_dropped(run: Run, office: Office) -> None:
    listed = run("deliveries", "list", "--json")
    run("deliveries", "drop", str(listed[0]["batch"]), "--note", "too old", "--yes")
    office.send()
    assert office.provider.calls == 0
    assert office.states() == {"dropped": 8}


def test_an_address_can_be_put_on_the_do_not_mail_list_and_taken_off(run: Run, office: Office) -> None:
    run("suppressions", "add", "anna@example.org", "--note", "she asked by telephone")
    office.send()
    assert "anna@example.org" not in office.provider.mailed
    assert [row["reason"] for row in run("suppressions", "list", "--json")] == ["operator"]
    run("suppressions", "remove", "anna@example.org", "--note", "she asked again", "--yes")
    assert run("suppressions", "list", "--json") == []
    with pytest.raises(NotifierError, match="not on the list"):
        run("suppressions", "remove", "anna@example.org", "--note", "twice", "--yes")


def test_a_trace_says_what_came_of_a_study_and_what_went_to_a_person(run: Run, office: Office) -> None:
    office.send()
    ((nct_id,),) = office.sql("SELECT nct_id FROM studies")
    (event,) = run("trace", "--study", str(nct_id), "--json")
    assert event["deliveries"] == {"accepted": 8}
    (delivery,) = run("trace", "--email", "anna@example.org", "--json")
    assert delivery["state"] == "accepted"


def test_a_preview_shows_the_digest_and_sends_nothing(run: Run, office: Office) -> None:
    office.world.event(kind="new_study")
    assert "nothing new for this person" in run("digest", "preview", "anna@example.org")
    office.world.event(ASTHMA, kind="new_study")
    assert "1 new study for you" in run("digest", "preview", "anna@example.org")
    assert office.provider.calls == 0


def test_a_dry_run_counts_and_writes_nothing(run: Run, office: Office) -> None:
    office.world.event(ASTHMA, kind="new_study")
    report = run("digest", "run", "--frequency", "daily", "--at", "2026-12-24T12:00Z", "--dry-run", "--json")
    assert (report["people"], report["editions"]) == (8, 1)
    assert office.sql("SELECT count(*) FROM runs") == [(1,)]
