"""A page that lay open while others decided: its button does what its question said, or nothing."""

import re
from urllib.parse import parse_qsl, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.settings import Settings
from tests.delivery.office import Office
from tests.web.ops import SITE, Operator, delivery_to, hidden, open_office, open_operator, rows, said
from tests.world import days

HERE = {"origin": SITE, "sec-fetch-site": "same-origin"}
REFUSED = Outcome("refused", reason="HTTP 400")
BROKEN_OFF = Outcome("unknown", reason="timed out")


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


class Tab:
    """A question that was opened and not yet answered."""

    def __init__(self, operator: Operator, path: str) -> None:
        self._client, self._address = operator.client, path.partition("?")[0]
        self.page = operator.get(
            self._address, **dict(parse_qsl(urlsplit(path).query, keep_blank_values=True))
        )

    def press(self, status: int = 200) -> str:
        form = {**hidden(self.page), "note": "as it said"}
        answer = self._client.post(f"/ops{self._address}", data=form, headers=HERE)
        assert answer.status_code == status, said(answer.text)
        return said(answer.text)


def answered(office: Office, *outcomes: Outcome) -> None:
    """A minute later than the last."""
    office.clock.now += days(1) / 24 / 60
    office.provider.answers = [lambda batch, outcome=outcome: outcome for outcome in outcomes]
    office.send()


def question(operator: Operator, verb: str) -> str:
    found = LexborHTMLParser(operator.get("/failures")).css_first(f'a[href*="/failures/{verb}"]')
    return re.sub("^/ops", "", found.attributes["href"] or "")


@pytest.mark.parametrize("verb", ["again", "drop"])
def test_what_was_sent_again_elsewhere_and_broke_off_is_not_decided_by_the_old_tab(
    operator: Operator, office: Office, verb: str
):
    """It asked about mail that nobody had. By now they may have it."""
    answered(office, REFUSED)
    delivery = delivery_to(office, "anna")
    old, new = (Tab(operator, f"/deliveries/{delivery}/{name}") for name in (verb, "again"))
    new.press()
    answered(office, BROKEN_OFF)
    assert "Nothing was done: the batch has moved on meanwhile." in old.press(400)
    assert office.states() == {"unknown": 4}


def test_the_same_doubt_is_not_the_one_that_was_asked_about(operator: Operator, office: Office):
    answered(office, BROKEN_OFF)
    delivery = delivery_to(office, "anna")
    old, new = (Tab(operator, f"/deliveries/{delivery}/again") for _ in range(2))
    new.press()
    answered(office, BROKEN_OFF)
    old.press(400)
    calls = office.provider.calls
    answered(office)
    assert (office.provider.calls, office.states()) == (calls, {"unknown": 4})


@pytest.mark.parametrize("verb", ["again", "drop"])
def test_nor_for_all_of_a_kind_at_once(operator: Operator, office: Office, verb: str):
    answered(office, BROKEN_OFF)
    old, new = Tab(operator, question(operator, verb)), Tab(operator, question(operator, "again"))
    new.press()
    answered(office, BROKEN_OFF)
    assert "None of these was left" in old.press()
    assert office.states() == {"unknown": 4}
    assert [row[2] for row in rows(operator.get("/audit"))] == ["Sent again"]


def test_a_button_that_is_pressed_twice_does_it_once(operator: Operator, office: Office):
    answered(office, REFUSED)
    tab = Tab(operator, question(operator, "again"))
    assert "They are due again" in tab.press()
    assert "None of these was left" in tab.press()
    assert len(rows(operator.get("/audit"))) == 1


def test_a_brake_that_came_on_since_is_not_lifted_unread(operator: Operator, office: Office):
    """Its lifting would begin the count of complaints anew."""
    pull(office, "paused", "a fire")
    tab = Tab(operator, "/sending/resume")
    pull(office, "unwelcome", "9 of 600 mails were reported as spam")
    told = tab.press()
    assert "What you were asked about is lifted." in told
    assert "Sending goes on." not in told
    assert office.sql("SELECT name FROM brakes") == [("unwelcome",)]
    anew = said(Tab(operator, "/sending/resume").page)
    assert "9 of 600 mails were reported as spam" in anew
    assert "their count begins anew" in anew
    assert "Sending goes on." in Tab(operator, "/sending/resume").press()
    assert office.sql("SELECT name FROM brakes") == []


def test_a_pause_for_another_reason_is_not_lifted_by_the_tab_that_asked_about_the_first(
    operator: Operator, office: Office
):
    pull(office, "paused", "a fire")
    old, new = (Tab(operator, "/sending/resume") for _ in range(2))
    assert "Sending goes on." in new.press()
    office.clock.now += days(1) / 24
    pull(office, "paused", "a wrong mail")
    assert "Sending goes on." not in old.press()
    assert office.sql("SELECT reason FROM brakes") == [("a wrong mail",)]


def pull(office: Office, name: str, reason: str) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, name, reason, now=office.clock())
