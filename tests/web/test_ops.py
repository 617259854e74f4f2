"""The operators' pages: what somebody reads there at three in the morning, and what their buttons do."""

from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.settings import Settings
from tests.delivery.office import Office
from tests.web.conftest import heading
from tests.web.ops import SITE, TOKEN, Operator, open_office, open_operator, rows, said
from tests.world import days

WHY = "the footer is mended"
HERE = {"origin": SITE, "sec-fetch-site": "same-origin"}


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


def token(operator: Operator) -> str:
    found = TOKEN.search(operator.get("/sending/pause"))
    assert found
    return found[1]


def refused(office: Office, reason: str = "HTTP 400: no such template") -> None:
    office.provider.answers = [lambda _: Outcome("refused", reason=reason)]
    office.send()


def test_the_first_words_say_whether_people_get_their_mail(operator: Operator, office: Office):
    assert heading(operator.get()) == "All is well: 4 mails due; none went out in the last 5 minutes."
    office.send()
    assert heading(operator.get()) == "All is well. No mail waits."
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401: grant is invalid", now=office.clock())
    page = operator.get()
    assert heading(page) == "Sending is stopped: the provider refuses our key (HTTP 401: grant is invalid)."
    assert "Something is wrong" in page
    assert 'href="/ops/runbooks/ProviderAuthFailing"' in page


def test_each_trouble_leads_to_its_runbook(operator: Operator):
    page = operator.get("/runbooks/BeatSilent")
    assert heading(page) == "BeatSilent"
    assert "Start beat" in said(page)
    for name in ("../../README", "NoSuchThing", "x" * 70):
        assert operator.client.get(f"/ops/runbooks/{name}").status_code in (400, 404)


def test_failures_are_grouped_and_all_of_a_kind_sent_again_in_one_step(operator: Operator, office: Office):
    refused(office)
    page = operator.get("/failures")
    assert rows(page)[0][:4] == [
        "The provider refused the mail HTTP 400: no such template",
        "failed",
        "4",
        "1",
    ]
    kind = {"state": "failed", "class": "refused", "reason": "HTTP 400: no such template", "upto": "1"}
    ask = operator.get("/failures/again", **kind)
    assert heading(ask) == "1 batch, 4 people: send again?"
    address = f"/failures/again?{urlencode(kind)}"
    assert "They are due again" in operator.post(address, note=WHY, **kind)
    assert operator.wakes == ["letter", "send"]
    office.send()
    assert office.states() == {"accepted": 4}
    (action,) = rows(operator.get("/audit"))
    assert action[1:] == ["local", "Sent again", "1", WHY]


def test_without_a_reason_nothing_is_done(operator: Operator, office: Office):
    refused(office)
    kind = {"state": "failed", "class": "refused", "reason": "HTTP 400: no such template", "upto": "1"}
    address = f"/failures/drop?{urlencode(kind)}"
    assert "There is no note" in operator.post(address, status=400, note="  ", **kind)
    assert office.states() == {"failed": 4}


def test_a_decision_is_not_about_those_that_came_later(operator: Operator, office: Office):
    refused(office)
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, state, failure_class, reason, next_attempt_at, created_at)
           SELECT run_id, edition_id, 1, 'failed', failure_class, reason, created_at, created_at FROM batches"""
    )
    kind = {"state": "failed", "class": "refused", "reason": "HTTP 400: no such template", "upto": "1"}
    address = f"/failures/drop?{urlencode(kind)}"
    assert "They are given up." in operator.post(address, note=WHY, **kind)
    assert office.sql("SELECT state FROM batches ORDER BY id") == [("dropped",), ("failed",)]


def test_all_sending_is_paused_and_resumed(operator: Operator, office: Office):
    assert "Sending is paused." in operator.post("/sending/pause", note="a fire")
    office.send()
    assert office.provider.calls == 0
    assert heading(operator.get()) == "An operator paused all sending (a fire); 4 mails due."
    assert "An operator paused it: a fire." in operator.get("/sending/resume")
    operator.post("/sending/resume", note="it is out")
    office.send()
    assert office.states() == {"accepted": 4}
    assert [row[2] for row in rows(operator.get("/audit"))] == ["Resumed sending", "Paused sending"]


def test_one_run_is_held_and_shows_how_far_it_has_come(operator: Operator, office: Office):
    ((key,),) = office.sql("SELECT key FROM runs")
    assert "Pause" in rows(operator.get("/runs"))[0][9]
    assert "4 people of 4 have not got it yet" in operator.get("/runs/pause", run=str(key))
    operator.post(f"/runs/pause?run={key}", run=str(key), note="a wrong card")
    office.send()
    assert office.provider.calls == 0
    assert "Paused" in rows(operator.get("/runs"))[0][3]
    operator.post(f"/runs/resume?run={key}", run=str(key), note="mended")
    office.send()
    (row,) = rows(operator.get("/runs"))
    assert [row[0], *row[2:5]] == [key, "4", "Done", "4"]


def test_an_unknown_run_is_named_as_such(operator: Operator):
    assert "There is no run daily/1999." in operator.get("/runs/pause", status=400, run="daily/1999")


def test_whom_a_run_failed_for_gets_it_again(operator: Operator, office: Office):
    office.provider.answers = [
        lambda batch: Outcome("accepted", refused={batch.recipients[0].delivery_id: "HTTP 400"})
    ]
    office.send()
    ((key,),) = office.sql("SELECT key FROM runs")
    assert "Send again" in rows(operator.get("/runs"))[0][7]
    assert heading(operator.get("/runs/resend", run=str(key))) == "1 person for whom it failed: send again?"
    assert office.states() == {"accepted": 3, "failed": 1}
    operator.post(f"/runs/resend?run={key}", run=str(key), note="mended")
    office.send()
    assert office.states() == {"accepted": 4}
    assert "Nobody is left" in operator.get("/runs/resend", status=400, run=str(key))
    again = {"run": str(key), "note": "once more", "token": token(operator)}
    answer = operator.client.post("/ops/runs/resend", data=again, headers=HERE)
    assert "Nobody was left for whom it failed" in answer.text
    assert operator.wakes == ["letter", "send"]


def test_a_made_up_link_shows_no_made_up_number(operator: Operator):
    page = operator.get("/failures", done="again", count="999999")
    assert "999" not in said(page)


def test_a_decision_about_what_is_settled_meanwhile_says_so(operator: Operator, office: Office):
    refused(office)
    kind = {"state": "failed", "class": "refused", "reason": "HTTP 400: no such template", "upto": "1"}
    form = {**kind, "note": WHY, "token": token(operator)}
    office.sql("UPDATE batches SET state = 'dropped'")
    answer = operator.client.post("/ops/failures/again", data=form, headers=HERE)
    assert "None of these was left" in answer.text


def test_a_run_is_not_over_before_its_last_person(operator: Operator, office: Office):
    office.sql("UPDATE batches SET state = 'accepted', size = 400000, ended_at = :now", now=office.clock())
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, state, next_attempt_at, created_at)
           SELECT run_id, edition_id, 100, 'planned', created_at, created_at FROM batches"""
    )
    (row,) = rows(operator.get("/runs"))
    assert row[3].startswith("99 % ")
    assert row[3].endswith(" 1 s left")


def test_an_address_that_is_none_is_answered_as_an_operators_page(operator: Operator):
    page = operator.get("/nothing/here", status=404)
    assert heading(page) == "There is nothing at this address."
    assert 'href="/ops/failures"' in page


def test_a_run_that_goes_on_while_all_is_paused_is_not_said_to_go_out(operator: Operator, office: Office):
    ((key,),) = office.sql("SELECT key FROM runs")
    assert "Their mail goes out at once." in operator.get("/runs/resume", run=str(key))
    operator.post("/sending/pause", note="a fire")
    assert "It stays held as long as all sending is." in operator.get("/runs/resume", run=str(key))


def test_what_the_provider_asks_to_wait_for_is_not_for_operators_to_resume(
    operator: Operator, office: Office
):
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "throttled", "HTTP 429", now=office.clock(), until=office.clock() + days(1))
    for path in ("", "/runs"):
        assert "Resume sending" not in operator.get(path)
    assert heading(operator.get()) == "All is well. The provider asked us to wait a moment; 4 mails due."
