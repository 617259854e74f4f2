"""Workers that die before they call anybody."""

from datetime import timedelta
from itertools import pairwise

from notifier.delivery.claiming import LEASE, claim_batches
from notifier.delivery.patience import LONGEST_DELAY
from notifier.delivery.sweeping import expire_leases
from tests.delivery.office import Office, everybody_once
from tests.delivery.test_resending import resend
from tests.world import days


def lose(office: Office) -> int:
    """A worker takes what is due and dies before it calls; how many batches it held."""
    held = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    office.clock.now += LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset(), max_attempts=3)
    return len(held)


def test_workers_that_die_for_hours_before_any_call_cost_nobody_their_mail(office: Office) -> None:
    for _ in range(20):
        lose(office)
        office.clock.now += timedelta(minutes=10)
    assert office.sql("SELECT DISTINCT state, attempts FROM batches") == [("retrying", 0)]
    office.clock.now += 2 * LONGEST_DELAY
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.mailed == everybody_once()


def test_a_batch_that_costs_worker_after_worker_waits_longer_each_time_and_fails_after_a_day(
    office: Office,
) -> None:
    planned = office.clock()
    held = []
    while office.clock() < planned + days(2):
        if lose(office):
            held.append(office.clock())
        else:
            office.clock.now += timedelta(minutes=5)
    assert office.states() == {"failed": 8}
    waits = [later - sooner for sooner, later in pairwise(held)]
    assert waits[0] < timedelta(minutes=2)
    assert all(wait < 2 * LONGEST_DELAY for wait in waits)
    assert len(held) < 50
    assert held[-1] - planned > days(1)


def test_a_batch_that_an_operator_sends_again_does_not_fail_with_the_next_worker(office: Office) -> None:
    while office.states() != {"failed": 8}:
        lose(office)
        office.clock.now += timedelta(hours=3)
    resend(office)
    for _ in range(5):
        lose(office)
        office.clock.now += timedelta(minutes=20)
    assert office.states() == {"retrying": 8}


def test_the_day_begins_with_the_first_loss_and_not_with_the_batch(office: Office) -> None:
    """As where a run was paused over a weekend."""
    office.clock.now += days(3)
    for _ in range(5):
        lose(office)
        office.clock.now += timedelta(minutes=20)
    assert office.states() == {"retrying": 8}
