"""A claim is one worker's, for as long as its lease; whoever comes late does no harm with what they know."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text

from notifier.delivery import rounds, sending
from notifier.delivery.claiming import LEASE, ClaimedBatch, begin_calls, claim_batches
from notifier.delivery.deciding import retry_batches
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.delivery.recording import record
from notifier.delivery.sweeping import expire_leases
from notifier.settings import Settings
from tests.delivery.office import ASTHMA, Office, everybody_once, open_office
from tests.delivery.scripted import accept

SECOND = timedelta(seconds=1)


def claim(office: Office) -> ClaimedBatch:
    (claimed,) = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    with office.world.engine.begin() as conn:
        begin_calls(conn, [claimed], office.clock(), office.clock() + LEASE)
    return claimed


def record_now(office: Office, claimed: ClaimedBatch, outcome: Outcome) -> None:
    with office.world.engine.begin() as conn:
        record(conn, [(claimed, outcome)], now=office.clock(), settings=office.world.settings)


def park(office: Office) -> None:
    """The lease runs out and the batch is in doubt."""
    office.clock.now += LEASE + SECOND
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset(), max_attempts=8)


def test_a_late_worker_does_not_write_over_the_claim_of_another_that_counts_the_same(office: Office) -> None:
    """An operator lets a batch start anew, so the next claim is the first again; then the first worker wakes."""
    late = claim(office)
    park(office)
    ((batch_id,),) = office.sql("SELECT id FROM batches")
    with office.world.engine.begin() as conn:
        retry_batches(conn, [batch_id], now=office.clock())  # type: ignore[list-item]
    current = claim(office)
    assert current.attempt == late.attempt
    record_now(office, late, Outcome("fault", reason="503"))
    assert office.states() == {"sending": 8}
    record_now(office, current, Outcome("accepted", message_id="m"))
    assert office.states() == {"accepted": 8}


def test_what_was_accepted_after_all_is_not_sent_again(office: Office) -> None:
    """A worker stands still in its call until the doubt was settled by silence; then it reads the answer."""
    late = claim(office)
    park(office)
    office.sql("UPDATE batches SET state = 'retrying', next_attempt_at = :now", now=office.clock())
    record_now(office, late, Outcome("accepted", message_id="m"))
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.calls == 0


@pytest.fixture
def one_each(engine: Engine, settings: Settings) -> Office:
    """A batch for each person, and more of them than a round begins at once."""
    office = open_office(engine, settings.model_copy(update={"batch_size": 1}))
    for number in range(22):
        office.world.person(f"person{number}", ASTHMA)
    office.world.event(ASTHMA, kind="new_study")
    office.world.run("daily", office.clock() + timedelta(days=1))
    return office


def test_a_process_that_stood_still_makes_none_of_the_calls_that_others_have_made_meanwhile(
    one_each: Office,
) -> None:
    def stand_still(batch: OutgoingBatch) -> Outcome:
        one_each.clock.now += timedelta(hours=1)
        expire_leases(one_each.world.engine, now=one_each.clock(), repeatable=frozenset(), max_attempts=8)
        one_each.send()
        return accept(batch)

    one_each.provider.answers = [stand_still]
    one_each.clock.now += timedelta(days=2)
    one_each.send()
    one_each.send()
    assert one_each.states() == {"accepted": 38}
    assert sum(one_each.provider.mailed.values()) == 38
    assert one_each.provider.mailed.keys() >= everybody_once().keys()
    assert max(one_each.provider.mailed.values()) == 2  # the eight had two runs


def test_an_outcome_is_not_lost_with_the_connection_it_was_to_be_recorded_on(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, cut = rounds.record, []

    def record_and_cut(conn: Connection, *words: Any, **more: Any) -> None:
        real(conn, *words, **more)
        if words[0] and not cut:
            cut.append(True)
            conn.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    monkeypatch.setattr(rounds, "record", record_and_cut)
    office.send()
    assert cut
    assert office.states() == {"accepted": 8}
    assert office.provider.calls == 1


def test_what_has_not_been_called_when_a_round_breaks_off_is_not_called(
    one_each: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "record", lambda conn, results, **_: 1 / bool(not results))
    one_each.clock.now += timedelta(days=2)
    with pytest.raises(ZeroDivisionError):
        one_each.send()
    assert one_each.provider.calls <= rounds.CALLS_IN_FLIGHT
    assert one_each.states() == {"sending": 38}


def test_the_rate_of_the_settings_is_kept_while_sending(
    one_each: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "RATE_PAUSE", timedelta(0))
    settings = one_each.world.settings.model_copy(update={"send_rate": 2})
    one_each.world.settings = settings
    start = one_each.clock.now = one_each.clock.now + timedelta(days=2)

    def tick() -> datetime:
        one_each.clock.now += timedelta(milliseconds=100)
        return one_each.clock.now

    sender = sending.Sender(one_each.world.engine, one_each.provider, one_each.sender.links, settings, tick)
    assert sender.send_due(until=start + timedelta(seconds=5))
    assert 10 <= one_each.provider.calls <= 2 * 5 + 2 * 5 + 1  # a burst of five seconds, then two a second


def test_batches_in_which_nobody_is_left_do_not_look_like_the_end(one_each: Office) -> None:
    """They are found all at once, as after a withdrawal; the others would wait for the next sweep."""
    first_three = "SELECT id FROM batches ORDER BY next_attempt_at, id LIMIT 3"
    one_each.sql(
        f"""UPDATE subscribers SET state = 'stopped', stopped_at = now() WHERE id IN
            (SELECT subscriber_id FROM deliveries WHERE batch_id IN ({first_three}))"""
    )
    claims = claim_batches(one_each.world.engine, one_each.provider, now=one_each.clock(), limit=3) or []
    assert len(claims) == 3
    assert one_each.states() == {"sending": 3, "planned": 32, "skipped": 3}
