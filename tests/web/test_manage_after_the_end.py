"""A study that somebody follows has ended: their own page says so, and offers what to follow instead."""

from uuid import UUID

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.web.service import Service
from tests.registry.samples import study
from tests.web.conftest import KEY, STUDY, Clock, query, shown
from tests.web.test_manage import cards, do, status, which

OVER = "This study has ended. There will be few or no more updates."
FINAL = ("COMPLETED", "TERMINATED", "WITHDRAWN", "NO_LONGER_AVAILABLE", "APPROVED_FOR_MARKETING")


@pytest.fixture
def own(service: Service, ben: UUID, clock: Clock) -> str:
    """Of somebody who follows the study, asthma and dry eye."""
    return f"/manage/{service.manage_links.token(ben, clock())}"


def comes_to(client: TestClient, overall_status: str, *conditions: str) -> None:
    record = study(overallStatus=overall_status, conditions=list(conditions))
    client.put("/v1/studies", json={"studies": [{"record": record}]}, headers=KEY)


def buttons(html: str) -> list[str]:
    page = LexborHTMLParser(html)
    return [button.text() for button in page.css(".sheet button") if button.text().startswith("Follow")]


@pytest.mark.parametrize("final", FINAL)
def test_a_study_that_has_ended_says_so_beside_its_button_to_stop(client: TestClient, own: str, final: str):
    comes_to(client, final, "Dry Eye")
    html = client.get(own).text
    assert html.count(OVER) == 1
    assert f"Stop updates about {STUDY}" in shown(html)


@pytest.mark.parametrize("other", ["RECRUITING", "SUSPENDED", "UNKNOWN", "TEMPORARILY_NOT_AVAILABLE"])
def test_a_study_that_may_go_on_is_not_said_to_have_ended(client: TestClient, own: str, other: str):
    comes_to(client, other, "Eye Strain")
    html = client.get(own).text
    assert OVER not in html
    assert buttons(html) == []


def test_up_to_three_conditions_of_it_are_offered_that_are_not_followed_yet(client: TestClient, own: str):
    comes_to(client, "COMPLETED", "DRY EYE", "Eye Strain", "Gout", "Migraine", "Hay Fever")
    assert buttons(client.get(own).text) == [
        f"Follow new studies of: {name}" for name in ("Eye Strain", "Gout", "Migraine")
    ]


def test_one_press_follows_it_from_now_on_and_is_written_down(client: TestClient, engine: Engine, own: str):
    comes_to(client, "RECRUITING", "Eye Strain")
    comes_to(client, "COMPLETED", "Eye Strain")
    press = {"do": "follow", "which": which(engine, STUDY), "condition": "Eye Strain"}
    html = do(client, own, **press)
    assert status(html) == "From now on you hear of new studies of Eye Strain."
    assert "Eye Strain" in cards(html)
    assert buttons(html) == []
    assert status(do(client, own, **press)).startswith("Nothing was changed.")
    assert query(engine, "SELECT action, via FROM subscription_changes") == [("follow", "manage")]
    [started] = query(engine, "SELECT start_position, source FROM subscriptions ORDER BY id DESC LIMIT 1")
    assert started == (query(engine, "SELECT max(position) FROM change_events")[0][0], "manage")


@pytest.mark.parametrize("condition", ["Gout", "", "http://bad.example.org"])
def test_only_what_is_offered_can_be_followed_there(
    client: TestClient, engine: Engine, own: str, condition: str
):
    comes_to(client, "COMPLETED", "Eye Strain")
    html = do(client, own, do="follow", which=which(engine, STUDY), condition=condition)
    assert status(html).startswith("Nothing was changed.")
    assert query(engine, "SELECT 1 FROM subscription_changes") == []


def test_after_everything_was_stopped_the_button_of_an_older_page_starts_nothing(client, engine, own):
    comes_to(client, "COMPLETED", "Eye Strain")
    client.post(own, data={"do": "stop_all"})
    html = do(client, own, do="follow", which=which(engine, STUDY), condition="Eye Strain")
    assert status(html) == "Nothing was changed, as all emails are stopped."
    assert query(engine, "SELECT 1 FROM subscriptions WHERE ended_at IS NULL") == []


def test_a_study_whose_updates_were_stopped_offers_nothing(client, engine, own):
    comes_to(client, "COMPLETED", "Eye Strain")
    html = do(client, own, do="stop_one", which=which(engine, STUDY))
    assert OVER not in html
    assert buttons(html) == []
