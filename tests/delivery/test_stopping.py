"""A worker that is told to stop ends the calls it is in, and the rest need not wait for its lease."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from notifier.delivery import rounds, sending
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.settings import Settings
from tests.delivery.office import Office, everybody_once, open_office
from tests.delivery.scripted import accept
from tests.waiting import wait_for
from tests.world import days

THREADS = 2
PLANNED = ("planned", 0, None, None)


@pytest.fixture
def slow(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Office:
    """Eight batches; two calls at a time, and two more are begun that wait for a thread."""
    monkeypatch.setattr(sending, "CALLS_IN_FLIGHT", THREADS)
    monkeypatch.setattr(rounds, "CALLS_IN_FLIGHT", THREADS + 2)
    return open_office(engine, settings.model_copy(update={"batch_size": 1, "send_rate": 2}))


@contextmanager
def told_to_stop_in_its_calls(office: Office) -> Iterator[None]:
    """Inside, the first calls have no answer yet; after it they do, and the sender has ended."""
    stop, answer = threading.Event(), threading.Event()

    def wait(batch: OutgoingBatch) -> Outcome:
        answer.wait(30)
        return accept(batch)

    office.provider.answers = [wait] * THREADS
    sender = replace(office.sender, stop=stop.is_set)
    thread = threading.Thread(target=sender.send_due, kwargs={"until": office.clock.now + days(1)})
    thread.start()
    try:
        wait_for(lambda: office.provider.calls == THREADS)
        stop.set()
        yield
    finally:
        answer.set()
        thread.join()


def waiting(office: Office) -> list[tuple[object, ...]]:
    return office.sql("SELECT state, attempts, called_at, lease_until FROM batches WHERE state <> 'sending'")


def test_what_it_has_not_begun_is_free_for_others_at_once(slow: Office) -> None:
    with told_to_stop_in_its_calls(slow):
        assert wait_for(lambda: waiting(slow)) == [PLANNED] * (8 - THREADS)
        slow.send()
        assert slow.states() == {"sending": THREADS, "accepted": 8 - THREADS}
    assert slow.states() == {"accepted": 8}
    assert slow.provider.mailed == everybody_once()
    assert slow.sql("SELECT DISTINCT attempts FROM batches") == [(1,)]


def test_the_calls_it_is_in_are_recorded_and_no_more_are_made(slow: Office) -> None:
    with told_to_stop_in_its_calls(slow):
        wait_for(lambda: waiting(slow))
    assert slow.states() == {"accepted": THREADS, "planned": 8 - THREADS}
    assert slow.provider.calls == THREADS


def test_what_is_given_back_has_not_used_up_the_rate(slow: Office) -> None:
    with told_to_stop_in_its_calls(slow):
        wait_for(lambda: waiting(slow))
    burst = 2 * 5
    assert slow.sql("SELECT mails FROM send_budget") == [(burst - THREADS,)]


def test_an_earlier_failure_is_not_forgotten(slow: Office) -> None:
    slow.sql("UPDATE batches SET state = 'retrying', attempts = 3, failure_class = 'fault'")
    with told_to_stop_in_its_calls(slow):
        assert wait_for(lambda: waiting(slow)) == [("retrying", 3, None, None)] * (8 - THREADS)


def test_one_that_was_told_before_it_began_claims_nothing(slow: Office) -> None:
    sender = replace(slow.sender, stop=lambda: True)
    assert sender.send_due(until=slow.clock.now + days(1))
    assert waiting(slow) == [PLANNED] * 8
