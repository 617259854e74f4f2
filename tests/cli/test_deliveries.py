"""What operators see of deliveries and of people: masked, unless they say that they want to see."""

import pytest
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.mailroom import post_to
from tests.delivery.office import Office, open_office


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


def looks(office: Office) -> list[tuple[object, ...]]:
    return office.sql("SELECT action, actor, note FROM operator_actions ORDER BY id")


def test_addresses_are_masked(run: Run, office: Office) -> None:
    told = run("deliveries", "list")
    assert "a•••@example.org" in told
    assert "anna@" not in told + str(run("deliveries", "list", "--json"))
    assert looks(office) == []


def test_addresses_are_shown_to_whoever_asks_and_that_is_written_down(run: Run, office: Office) -> None:
    listed = run("deliveries", "list", "--show-pii", "--note", "a complaint by telephone", "--json")
    assert {row["address"] for row in listed} >= {"anna@example.org", "ben@example.org"}
    assert "@example.org" in run("deliveries", "show", listed[0]["id"], "--show-pii")
    assert looks(office) == [
        ("address_revealed", "command line", "a complaint by telephone"),
        ("address_revealed", "command line", "looked at on the command line"),
    ]


def test_a_list_can_be_of_one_kind_of_mail(run: Run, office: Office) -> None:
    post_to(office, "anna", "manage_link")
    assert [row["mail"] for row in run("deliveries", "list", "--mail", "manage_link", "--json")] == [
        "manage_link"
    ]
    assert {row["mail"] for row in run("deliveries", "list", "--mail", "digest", "--json")} == {"digest"}
    assert "manage_link" in run("deliveries", "list", "--mail", "newsletter", code=2)


def test_the_story_of_one_delivery_is_told_in_order(run: Run, office: Office) -> None:
    office.send()
    delivery = run("deliveries", "list", "--json")[0]["id"]
    told = run("deliveries", "show", delivery)
    assert "state  accepted" in told
    assert told.index("address") < told.index("Events") < told.index("new_study")
    assert "•••@example.org" in told


def test_what_became_of_a_study_and_of_a_person(run: Run, office: Office) -> None:
    office.send()
    ((nct_id,),) = office.sql("SELECT nct_id FROM studies")
    (event,) = run("trace", "--study", str(nct_id), "--json")
    assert event["deliveries"] == {"accepted": 8}
    assert "accepted 8" in run("trace", "--study", str(nct_id))
    assert looks(office) == []
    (delivery,) = run("trace", "--email", "anna@example.org", "--note", "she asked", "--json")
    assert delivery["state"] == "accepted"
    assert looks(office) == [("person_traced", "command line", "she asked")]


def test_why_a_person_got_a_study_or_did_not(run: Run, office: Office) -> None:
    office.send()
    ((nct_id,),) = office.sql("SELECT nct_id FROM studies")
    asked = ("trace", "--study", str(nct_id), "--email", "anna@example.org")
    assert "In a mail that is accepted." in run(*asked)
    office.sql("DELETE FROM edition_items")
    (event,) = run(*asked, "--json")
    assert event["delivery"] is None
    assert event["words"]
    assert looks(office)[0][0] == "person_traced"


def test_what_is_not_there_is_said_with_where_to_look_next(run: Run, office: Office) -> None:
    assert "records diff" in run("trace", "--study", "NCT09999999")
    assert "digest preview" in run("trace", "--email", "nobody@example.org")


def test_nothing_is_taken_off_the_do_not_mail_list_unasked(run: Run, office: Office) -> None:
    run("suppressions", "add", "anna@example.org", "--note", "she asked")
    assert "--yes" in run("suppressions", "remove", "anna@example.org", "--note", "mistake", code=2)
    assert len(run("suppressions", "list", "--json")) == 1
