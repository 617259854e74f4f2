"""Kill the worker, flush Redis: every follower still gets exactly one mail."""

import signal
from collections import Counter

import pytest
import redis

from tests.journeys.records import record
from tests.journeys.stage import Stage, kill, until

PEOPLE = 800


def _everybody_waits_for_a_mail(stage: Stage) -> Counter[str]:
    """Each person follows a study of their own, so that each mail is a call of its own."""
    ids = [f"NCT91{n:06d}" for n in range(PEOPLE)]
    known = [record(nct_id, first_posted="2026-01-05") for nct_id in ids]
    stage.notifier("records", "import", stage.write("v1.ndjson", *known))
    rows = [f"person{n}@example.org,{nct_id},,daily,UTC,2026-11-01" for n, nct_id in enumerate(ids)]
    header = "email,study,condition,frequency,timezone,confirmed_at"
    stage.notifier("subscribers", "import", stage.write("people.csv", header, *rows))
    changed = [
        record(nct_id, first_posted="2026-01-05", overallStatus="RECRUITING", posted="2026-11-10")
        for nct_id in ids
    ]
    stage.notifier("records", "import", stage.write("v2.ndjson", *changed))
    return Counter(f"person{n}@example.org" for n in range(PEOPLE))


@pytest.mark.faults
def test_a_worker_killed_and_redis_flushed_in_the_middle_lose_and_repeat_nothing(stage: Stage) -> None:
    everybody = _everybody_waits_for_a_mail(stage)
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
                lambda: stage.notifier("status", "--json")["deliveries"] == {"accepted": PEOPLE},
                "all ended",
                150,
            )
    assert stage.mailed() == everybody


@pytest.mark.faults
def test_redis_flushed_under_running_workers_does_not_stop_the_next_run(stage: Stage) -> None:
    """The scheduler and the workers are not restarted: messages must still find their queues."""
    everybody = _everybody_waits_for_a_mail(stage)
    with stage.scheduler(), stage.worker():
        until(lambda: stage.notifier("status", "--json")["worker_seen_at"] or True, "up")
        with redis.Redis.from_url(str(stage.settings.redis_url)) as client:
            client.flushdb()
        stage.notifier("digest", "run", "--frequency", "daily", "--at", "2027-01-04T12:00Z")
        with redis.Redis.from_url(str(stage.settings.redis_url)) as client:
            client.flushdb()  # with the wake-up in it
        until(lambda: stage.mail_count() == PEOPLE, "all mails", 150)
    assert stage.mailed() == everybody
