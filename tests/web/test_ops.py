"""The operators' pages: what somebody reads there at three in the morning, and what their buttons do."""

from urllib.parse import urlencode

import pytest
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.settings import Settings
from tests.delivery.office import Office
from tests.web.conftest import heading
from tests.web.ops import STUDY, Operator, delivery_to, open_office, open_operator, rows, said
from tests.world import days

WHY = "the footer is mended"


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


def refused(office: Office, reason: str = "HTTP 400: no such template") -> None:
    office.provider.answers = [lambda _: Outcome("refused", reason=reason)]
    office.send()


def test_the_first_words_say_whether_people_get_their_mail(operator: Operator, office: Office):
    assert heading(operator.get()) == "All is well: 4 mails due, and mail goes out."
    office.send()
    assert heading(operator.get()) == "All is well. No mail waits."
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401: the key is refused", now=office.clock())
    page = operator.get()
    assert heading(page) == "Sending is stopped: HTTP 401: the key is refused."
    assert "Something is wrong" in page
    assert 'href="/ops/runbooks/ProviderAuthFailing"' in page


def test_a_scheduler_that_sleeps_is_the_verdict_and_a_dead_light(operator: Operator, office: Office):
    office.clock.now += days(0) + 2 * (days(1) / 24)
    page = operator.get()
    assert "silent" in heading(page)
    assert ["Scheduler, and worker for upkeep", "✖ silent", "last seen 2 h ago"] in rows(page)


def test_each_trouble_leads_to_its_runbook(operator: Operator):
    page = operator.get("/runbooks/BeatSilent")
    assert heading(page) == "BeatSilent"
    assert "Start beat" in said(page)
    for name in ("../../README", "NoSuchThing", "x" * 70):
        assert operator.client.get(f"/ops/runbooks/{name}").status_code in (400, 404)


def test_the_numbers_are_those_of_the_ledger(operator: Operator, office: Office):
    refused(office)
    text = said(operator.get())
    assert "Failed, 24 hours 4 100 % of all mails" in text
    assert "Due now 0 nothing waits" in text
    assert "Failed: 4 in 24 hours" in text


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
    assert "1 batch will be sent again" in operator.post(address, note=WHY, **kind)
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
    assert "1 batch given up" in operator.post(address, note=WHY, **kind)
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


def test_deliveries_are_listed_with_masked_addresses_and_filtered(operator: Operator, office: Office):
    office.provider.answers = [
        lambda batch: Outcome("accepted", refused={batch.recipients[0].delivery_id: "not an address"})
    ]
    office.send()
    page = operator.get("/deliveries")
    assert sorted(row[0] for row in rows(page)) == [f"{name}•••@example.org" for name in "abcd"]
    assert "anna@example.org" not in page
    assert [row[1:3] for row in rows(operator.get("/deliveries", state="failed"))] == [
        ["failed", "not an address"]
    ]
    assert "No delivery is like this" in operator.get("/deliveries", state="bounced")
    assert "There is no state" in operator.get("/deliveries", status=400, state="lost")


def test_a_long_list_goes_on_page_by_page_and_shows_each_once(operator: Operator, office: Office):
    office.sql(
        """INSERT INTO deliveries (run_id, batch_id) SELECT run_id, id FROM batches, generate_series(1, 120)"""
    )
    seen: list[str] = []
    query: dict[str, str] = {"state": "planned"}
    while True:
        page = operator.get("/deliveries", **query)
        found = [one.partition('"')[0] for one in page.split('href="/ops/deliveries/')[1:]]
        seen += found
        _, further, rest = page.partition("after=")
        if not further:
            break
        query["after"] = rest.partition('"')[0]
    assert len(seen) == len(set(seen)) == 124


def test_one_delivery_tells_its_whole_story(operator: Operator, office: Office):
    office.provider.answers = [lambda _: Outcome("unknown", reason="timed out")]
    office.send()
    delivery = delivery_to(office, "anna")
    operator.post(f"/deliveries/{delivery}/again", note="asked the provider")
    office.send()
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           VALUES ('e', :id, 'delivered', :now, :now)""",
        id=delivery,
        now=office.clock(),
    )
    page = operator.get(f"/deliveries/{delivery}")
    text = said(page)
    story = [
        "A new study: NCT01234567",
        "Matched condition Asthma",
        "Planned in the run daily/",
        "The call broke off: nobody knows whether it was taken",
        "Call 1. timed out",
        "An operator sent it again",
        "local: asked the provider",
        "The provider took it",
        "The reader's mail server took it",
    ]
    places = [text.index(part) for part in story]
    assert places == sorted(places)
    assert heading(page) == "One digest to a•••@example.org"
    assert "anna@" not in page


def test_an_address_is_shown_in_full_on_request_and_that_is_written_down(operator: Operator, office: Office):
    delivery = delivery_to(office, "ben")
    assert "ben@example.org" in operator.post(f"/deliveries/{delivery}", note="he wrote to us")
    (action,) = rows(operator.get("/audit"))
    assert action[2:] == ["Looked at an address", str(delivery), "he wrote to us"]


def test_the_mail_is_shown_without_the_reader_s_links(operator: Operator, office: Office):
    delivery = delivery_to(office, "anna")
    answer = operator.client.get(f"/ops/deliveries/{delivery}/mail", params={"scheme": "dark"})
    assert "A made-up study of a made-up tablet" in answer.text
    assert "NOTIFIER-LINK" not in answer.text
    assert "/u/" not in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_batch_is_given_up_from_its_delivery(operator: Operator, office: Office):
    delivery = delivery_to(office, "anna")
    assert "given up" in operator.post(f"/deliveries/{delivery}/drop", note="wrong study")
    office.send()
    assert office.states() == {"dropped": 4}
    assert "moved on meanwhile" in operator.post(f"/deliveries/{delivery}/drop", status=400, note="again")


@pytest.mark.parametrize("path", ["/deliveries/nothing", "/deliveries/00000000-0000-4000-8000-000000000000"])
def test_a_delivery_that_is_none_is_said_to_be_none(operator: Operator, path: str):
    assert "There is no delivery with this id" in operator.get(path, status=400)


def test_the_do_not_mail_list_is_kept_by_hand(operator: Operator, office: Office):
    assert "The list is empty" in operator.get("/suppressions")
    operator.post("/suppressions/add", email="Anna@Example.org", note="asked by phone")
    assert "This address is on the list." in operator.post("/suppressions", email="anna@example.org")
    assert "This address is not on the list." in operator.post("/suppressions", email="ben@example.org")
    ((which,),) = office.sql("SELECT encode(email_key, 'hex') FROM suppressions")
    office.send()
    assert office.states() == {"accepted": 3, "skipped": 1}
    operator.post(f"/suppressions/remove?which={which}", which=str(which), note="asked for mail again")
    assert "The list is empty" in operator.get("/suppressions")
    assert [row[2] for row in rows(operator.get("/audit"))] == [
        "Took an address off the do-not-mail list",
        "Put an address on the do-not-mail list",
    ]
    assert "anna" not in operator.get("/audit")


def test_what_is_no_address_is_refused(operator: Operator):
    assert "That is not an address" in operator.post("/suppressions/add", status=400, email="anna", note="x")


def test_a_person_is_traced_and_that_somebody_looked_is_written_down(operator: Operator, office: Office):
    office.send()
    page = operator.post("/trace", email="ben@example.org", study=STUDY, note="he asked us")
    assert heading(page) == "Why this person did or did not get mail"
    text = said(page)
    assert "In a mail that is accepted." in text
    assert "Condition Asthma, since 2026-11-22" in text
    assert "ben@example.org" not in page
    (action,) = rows(operator.get("/audit"))
    assert action[2] == "Looked at a person's deliveries"
    assert action[4] == "he asked us"


def test_an_address_in_a_query_is_not_read(operator: Operator):
    """It would stand in histories and in the logs of a proxy."""
    assert heading(operator.get("/trace", email="ben@example.org")) == "Trace"


def test_a_study_is_traced(operator: Operator, office: Office):
    office.send()
    page = operator.get("/trace", study=STUDY.lower())
    assert heading(page) == f"What became of {STUDY}"
    assert rows(page)[0][5] == "4 accepted"
    assert "This study has never come in" in operator.get("/trace", study="NCT09999999")
    assert "A study's id is NCT and eight digits" in said(operator.get("/trace", status=400, study="asthma"))


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
