"""A worker that is told to stop, as on every deploy, goes within seconds and leaves nothing behind."""

import os
import signal
import subprocess
from collections import Counter
from collections.abc import Callable

import pytest

from tests.fakes.sendgrid.control import SendGridControl
from tests.journeys.crowd import everybody_waits_for_a_call_of_their_own
from tests.journeys.stage import Stage, kill, until

PEOPLE = 120
Signal = Callable[["subprocess.Popen[str]"], None]


def tell_main_process(worker: "subprocess.Popen[str]") -> None:
    os.kill(worker.pid, signal.SIGTERM)


def tell_every_process(worker: "subprocess.Popen[str]") -> None:
    kill(worker, signal.SIGTERM)


def sent_through(fake: SendGridControl) -> dict[str, str]:
    return {
        "MAIL_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": fake.api_key,
        "SENDGRID_API_URL": fake.url,
        "MAIL_FROM": "Study updates <updates@example.org>",
        "MAIL_REPLY_TO": "help@example.org",
    }


def nothing_is_in_doubt(stage: Stage, fake: SendGridControl) -> None:
    """What was called is accepted, and there is something left."""
    states = stage.states()
    assert states == {"accepted": fake.stats()["accepted_calls"], "planned": PEOPLE - states["accepted"]}
    assert states["planned"]


@pytest.mark.parametrize("tell", [tell_main_process, tell_every_process])
def test_a_worker_told_to_stop_leaves_its_calls_done_and_the_rest_to_others(
    stage: Stage, fake_sendgrid_process: SendGridControl, tell: Signal
) -> None:
    fake = fake_sendgrid_process
    sendgrid = sent_through(fake)
    everybody = everybody_waits_for_a_call_of_their_own(stage, PEOPLE)
    fake.script(latency=1.0)
    with stage.worker(**sendgrid) as worker:
        stage.notifier("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z", **sendgrid)
        until(lambda: fake.stats()["accepted_calls"], "the first calls")
        tell(worker)
        worker.wait(timeout=30)
    nothing_is_in_doubt(stage, fake)
    fake.script(latency=0)
    # No scheduler, so no sweep: the wake-up is there, and no lease to wait for.
    with stage.worker(**sendgrid):
        until(
            lambda: stage.states() == {"accepted": PEOPLE},
            "the second worker to send the rest",
        )
    assert Counter(mail["email"] for mail in fake.mails()) == everybody


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_command_that_is_stopped_while_it_sends_leaves_no_call_in_doubt(
    stage: Stage, fake_sendgrid_process: SendGridControl, number: int
) -> None:
    fake = fake_sendgrid_process
    everybody_waits_for_a_call_of_their_own(stage, PEOPLE)
    fake.script(latency=1.0)
    command = ("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z", "--wait")
    sending = stage.process("notifier", *command, **sent_through(fake))
    until(lambda: fake.stats()["accepted_calls"], "the first calls")
    sending.send_signal(number)
    assert sending.wait(timeout=30) == 128 + number
    nothing_is_in_doubt(stage, fake)
