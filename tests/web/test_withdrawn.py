"""An operator has withdrawn what somebody follows: their own page says so and why, and one button takes it back."""

from uuid import UUID

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.delivery.withdrawals import study_target_id, withdraw_target
from notifier.web.service import Service
from tests.web.conftest import STUDY, Clock, query, shown
from tests.web.test_manage import cards, do, status, which

REASON = "It was listed by mistake <b>& twice</b>."


@pytest.fixture
def own(service: Service, ben: UUID, clock: Clock) -> str:
    """Of somebody who follows the study, asthma and dry eye."""
    return f"/manage/{service.manage_links.token(ben, clock())}"


@pytest.fixture
def withdrawn(engine: Engine, clock: Clock, own: str) -> None:
    with engine.connect() as conn:
        target_id = study_target_id(conn, STUDY)
    withdraw_target(engine, target_id, REASON, actor="operator", note="why", clock=clock)


@pytest.mark.usefixtures("withdrawn")
def test_the_page_says_that_we_ended_it_and_why(client: TestClient, own: str):
    html = client.get(own).text
    assert f"We ended these updates. The reason: {REASON}" in shown(html)
    assert not LexborHTMLParser(html).css("main b")
    assert STUDY not in " ".join(cards(html)[:2])


@pytest.mark.usefixtures("withdrawn")
def test_one_press_takes_it_back(client: TestClient, engine: Engine, own: str):
    html = do(client, own, do="undo_one", which=which(engine, STUDY))
    assert status(html) == "Your updates are on again."
    assert REASON not in shown(html)
    assert query(engine, "SELECT action, via FROM subscription_changes ORDER BY id") == [
        ("withdrawn", "operator"),
        ("undo", "manage"),
    ]


@pytest.mark.usefixtures("withdrawn")
def test_the_reason_is_in_the_copy_of_their_data(client: TestClient, own: str):
    held = client.post(own, data={"do": "download"}).json()
    assert sorted(one["why"] or "" for one in held["subscriptions"]) == ["", "", REASON]


def test_who_stopped_it_themselves_is_given_no_reason(client: TestClient, engine: Engine, own: str):
    html = do(client, own, do="stop_one", which=which(engine, STUDY))
    assert "We ended these updates" not in shown(html)
