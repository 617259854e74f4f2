"""Somebody signs up while a large run is under way, and gets the link to confirm at once."""

import signal

import pytest

from tests.fakes.sendgrid.control import SendGridControl
from tests.journeys.crowd import everybody_waits_for_a_call_of_their_own
from tests.journeys.records import record
from tests.journeys.stage import Stage, kill, until
from tests.journeys.test_follow_a_study import _answers, free_port
from tests.journeys.test_sign_up import Browser
from tests.journeys.test_stopping import sent_through

ZOE = "zoe@example.org"
PEOPLE = 200


def ask_for_updates(port: int) -> None:
    browser = Browser(port)
    browser.open("/subscribe?study=NCT90000001")
    browser.press("Sign up", tick=("terms", "health"), email=ZOE, frequency="daily")
    assert browser.heading == "Check your email"


def links_to_confirm(fake: SendGridControl) -> list[str]:
    return [link for mail in fake.mails() if mail["email"] == ZOE for link in mail["links"]]


def test_the_link_to_confirm_overtakes_a_bulk_that_is_under_way(
    stage: Stage, fake_sendgrid_process: SendGridControl
) -> None:
    fake, port = fake_sendgrid_process, free_port()
    sendgrid = sent_through(fake)
    stage.notifier("records", "import", stage.write("v0.json", record(first_posted="2026-01-05")))
    everybody_waits_for_a_call_of_their_own(stage, PEOPLE)
    fake.script(latency=3)
    with stage.web(port), stage.prompt_worker(**sendgrid), stage.worker(**sendgrid):
        until(lambda: _answers(port), "the web process answers")
        stage.notifier("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z", **sendgrid)
        until(lambda: fake.stats()["accepted_calls"], "the first calls of the bulk")
        ask_for_updates(port)  # no scheduler runs: it is the web process that wakes the one who sends letters
        until(lambda: links_to_confirm(fake), "the link to confirm")
        assert fake.stats()["accepted_calls"] < PEOPLE / 2, "the bulk was too quick to mean anything"
        fake.script(latency=0)
        until(lambda: fake.stats()["accepted_calls"] == PEOPLE + 1, "the bulk", 120)
    assert stage.states() == {"accepted": PEOPLE + 1}
    assert len(links_to_confirm(fake)) == 1


@pytest.mark.faults
def test_a_letter_whose_sender_is_killed_in_the_call_arrives_with_the_same_link(
    stage: Stage, fake_sendgrid_process: SendGridControl
) -> None:
    fake, port = fake_sendgrid_process, free_port()
    sendgrid = sent_through(fake)
    stage.notifier("records", "import", stage.write("v0.json", record(first_posted="2026-01-05")))
    fake.script({"name": "hang_after", "seconds": 0.5})
    with stage.web(port), stage.scheduler():
        until(lambda: _answers(port), "the web process answers")
        with stage.worker(**sendgrid) as worker:
            ask_for_updates(port)
            until(lambda: fake.stats()["calls"], "the call")
            kill(worker, signal.SIGKILL)
        with stage.worker(**sendgrid):
            until(
                lambda: stage.states() == {"accepted": 1},
                "the letter, once the lease of the dead worker has run out",
                120,
            )
    links = links_to_confirm(fake)
    assert 1 <= len(links) <= 2
    assert len(set(links)) == 1
