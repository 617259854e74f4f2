"""A claim is one worker's, for as long as its lease; whoever comes late does no harm with what they know."""

from datetime import timedelta

from notifier.delivery.claiming import LEASE, ClaimedBatch, claim_batches
from notifier.delivery.deciding import retry_batches
from notifier.delivery.providers import Outcome
from notifier.delivery.recording import record
from notifier.delivery.sweeping import expire_leases
from tests.delivery.office import Office

SECOND = timedelta(seconds=1)


def claim(office: Office) -> ClaimedBatch:
    (claimed,) = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    return claimed


def record_now(office: Office, claimed: ClaimedBatch, outcome: Outcome) -> None:
    with office.world.engine.begin() as conn:
        record(conn, [(claimed, outcome)], now=office.clock(), settings=office.world.settings)


def park(office: Office) -> None:
    """The lease runs out and the batch is in doubt."""
    office.clock.now += LEASE + SECOND
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset(), max_attempts=8)
    office.sql("UPDATE batches SET state = 'unknown' WHERE state = 'retrying'")


def test_a_late_worker_does_not_write_over_the_claim_of_another_that_counts_the_same(office: Office) -> None:
    """An operator lets a batch start anew, so the next claim is the first again; then the first worker wakes."""
    late = claim(office)
    park(office)
    ((batch_id,),) = office.sql("SELECT id FROM batches")
    with office.world.engine.begin() as conn:
        retry_batches(conn, [batch_id], note="", now=office.clock())  # type: ignore[list-item]
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
