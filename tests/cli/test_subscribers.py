"""Show, export and erase one person from the command line."""

import json

import pytest
from sqlalchemy import Engine

from notifier.delivery.audit import ERASED
from notifier.errors import NotifierError
from notifier.settings import Settings
from notifier.subscriptions.journal import endings, mark
from tests.subscriptions.desk import Desk
from tests.world import World


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    return Desk(World(engine, settings))


def test_an_operator_can_show_export_and_erase_somebody(run, desk: Desk) -> None:
    desk.join("anna", "Asthma")
    desk.ask("anna", "Gout")
    shown = run("subscribers", "show", "anna@example.org")
    assert "Asthma" in shown
    assert "wait to be confirmed: 1" in shown
    exported = json.loads(run("subscribers", "export", "ANNA@example.org"))
    assert [sign_up["about"] for sign_up in exported["sign_ups"]] == [["Asthma"], ["Gout"]]
    run("subscribers", "erase", "anna@example.org", "--yes")
    assert desk.sql("SELECT (SELECT count(*) FROM subscribers), (SELECT count(*) FROM sign_ups)") == [(0, 0)]
    assert "do-not-mail list: erased" in run("subscribers", "show", "anna@example.org")
    with pytest.raises(NotifierError, match="Nothing is held"):
        run("subscribers", "erase", "anna@example.org", "--yes")


def test_the_log_of_an_erasure_is_enough_to_do_it_again_after_a_restore(run, desk: Desk) -> None:
    desk.join("anna", "Asthma")
    ((person,),) = desk.sql("SELECT public_id FROM subscribers")
    written = run("subscribers", "erase", "anna@example.org", "--yes")
    (word,) = endings(written.splitlines()).items()
    assert (word[0], word[1].ending) == (mark(person), "erased")
    assert "anna" not in written


def test_who_only_asked_is_shown_and_erased_as_well(run, desk: Desk) -> None:
    desk.ask("anna", "Asthma")
    assert "wait to be confirmed: 1" in run("subscribers", "show", "anna@example.org")
    run("subscribers", "erase", "anna@example.org", "--yes")
    assert desk.sql("SELECT * FROM sign_ups") == []


def test_the_status_shows_what_the_provider_has_not_forgotten_yet(run, desk: Desk) -> None:
    unserved = 1  # no worker has been seen
    assert run("status", "--json", code=unserved)["erasures_at_provider"] == {}
    desk.sql(
        "INSERT INTO provider_erasures (email, asked_at, next_attempt_at) VALUES ('a@example.org', now(), now())"
    )
    status = run("status", "--json", code=unserved)
    assert status["erasures_at_provider"]["waiting"] == 1
    assert "a@example.org" not in str(status)


def test_to_look_at_somebody_is_written_down_without_their_address(run, desk: Desk) -> None:
    desk.join("anna", "Asthma")
    run("subscribers", "show", "anna@example.org", "--note", "she called")
    run("subscribers", "export", "anna@example.org")
    run("digest", "preview", "anna@example.org")
    (hashed,) = {row[0] for row in desk.sql("SELECT subject FROM operator_actions")}
    run("subscribers", "erase", "anna@example.org", "--yes")
    assert hashed not in str(desk.sql("SELECT * FROM operator_actions"))
    run("subscribers", "show", "anna@example.org")
    run("trace", "--email", "anna@example.org")
    run("suppressions", "remove", "anna@example.org", "--note", "asked to come back", "--yes")
    assert {row[0] for row in desk.sql("SELECT subject FROM operator_actions")} == {ERASED}
    actions = desk.sql("SELECT action, actor, note FROM operator_actions ORDER BY id")
    assert [(row[0], row[1]) for row in actions] == [
        (what, "command line")
        for what in (
            *("person_shown", "person_exported", "person_previewed", "person_erased"),
            *("person_shown", "person_traced", "suppression_removed"),
        )
    ]
    assert actions[0][2] == "she called"
    assert "anna" not in str(desk.sql("SELECT * FROM operator_actions"))


def test_a_note_with_an_address_is_refused_before_anything_is_done(run, desk: Desk) -> None:
    desk.join("anna", "Asthma")
    for words in (("show",), ("export",), ("erase", "--yes")):
        with pytest.raises(NotifierError, match="an address in the note"):
            run("subscribers", words[0], "anna@example.org", "--note", "anna@example.org asks", *words[1:])
    assert desk.sql("SELECT count(*) FROM subscribers") == [(1,)]
    assert desk.sql("SELECT * FROM operator_actions") == []
