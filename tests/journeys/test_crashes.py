"""Kill the worker, flush Redis: every follower still gets exactly one mail."""

import signal

import pytest
import redis

from tests.journeys.crowd import everybody_waits_for_a_call_of_their_own
from tests.journeys.stage import Stage, kill, until

PEOPLE = 800


@pytest.mark.faults
def test_a_worker_killed_and_redis_flushed_in_the_middle_lose_and_repeat_nothing(stage: Stage) -> None:
    everybody = everybody_waits_for_a_call_of_their_own(stage, PEOPLE)
    with stage.scheduler():
        with stage.worker(SEND_RATE="20") as worker:  # slowly, so that there is a middle
            stage.notifier("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z")
            until(lambda: stage.mail_count() > 20, "the first mails")
            kill(worker, signal.SIGKILL)
        with redis.Redis.from_url(str(stage.settings.redis_url)) as client:
            client.flushdb()
        assert stage.mail_count() < PEOPLE, "the kill came too late to mean anything"
        with stage.worker():
            until(
                lambda: stage.states() == {"accepted": PEOPLE},
                "all ended",
                150,
            )
    assert stage.mailed() == everybody


@pytest.mark.faults
def test_redis_flushed_under_running_workers_does_not_stop_the_next_run(stage: Stage) -> None:
    """The scheduler and the workers are not restarted: messages must still find their queues."""
    everybody = everybody_waits_for_a_call_of_their_own(stage, PEOPLE)
    with stage.scheduler(), stage.worker():
        until(lambda: stage.notifier("status", "--json", ok=None)["worker_seen_at"] or True, "up")
        with redis.Redis.from_url(str(stage.settings.redis_url)) as client:
            client.flushdb()
        stage.notifier("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z")
        with redis.Redis.from_url(str(stage.settings.redis_url)) as client:
            client.flushdb()  # with the wake-up in it
        until(lambda: stage.mail_count() == PEOPLE, "all mails", 150)
    assert stage.mailed() == everybody
