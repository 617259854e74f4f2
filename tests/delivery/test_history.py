"""What befell a batch can be told afterwards, also when it was split or its worker was lost."""

from datetime import timedelta
from uuid import UUID

from notifier.delivery.claiming import LEASE, claim_batches
from notifier.delivery.providers import Outcome
from notifier.delivery.settling import settle_unknown
from notifier.delivery.story import delivery_story
from notifier.delivery.sweeping import expire_leases
from tests.delivery.office import Office

HOUR = timedelta(hours=1)


def befell(office: Office, name: str = "anna") -> list[tuple[str, int | None, str | None]]:
    find = "SELECT d.id FROM deliveries d JOIN subscribers s ON s.id = subscriber_id WHERE email = :email"
    ((delivery,),) = office.sql(find, email=f"{name}@example.org")
    assert isinstance(delivery, UUID)
    with office.world.engine.connect() as conn:
        story = delivery_story(conn, delivery)
    assert story
    return [(one["what"], one["attempt"], one["reason"]) for one in story["history"]]


def test_each_call_that_did_not_go_well_is_told(office: Office) -> None:
    office.provider.answers = [
        lambda _: Outcome("fault", reason="503"),
        lambda _: Outcome("fault", reason="502"),
    ]
    office.send()
    office.later(HOUR)
    office.later(HOUR)
    assert office.states() == {"accepted": 8}
    assert befell(office) == [("fault", 1, "503"), ("fault", 2, "502")]


def test_what_went_well_at_once_writes_nothing_more(office: Office) -> None:
    office.send()
    assert office.sql("SELECT count(*) FROM batch_history") == [(0,)]


def test_whoever_is_split_off_keeps_what_the_batch_went_through(office: Office) -> None:
    office.provider.answers = [
        lambda _: Outcome("fault", reason="503"),
        lambda batch: Outcome("accepted", deferred={batch.recipients[0].delivery_id: "mailbox busy"}),
    ]
    office.send()
    office.later(HOUR)
    ((put_off,),) = office.sql(
        """SELECT split_part(email, '@', 1) FROM deliveries d JOIN batches b ON b.id = batch_id
           JOIN subscribers s ON s.id = subscriber_id WHERE b.state = 'retrying'"""
    )
    assert befell(office, str(put_off)) == [("fault", 1, "503"), ("split off", None, None)]
    others = "ben" if put_off != "ben" else "anna"
    assert befell(office, others) == [("fault", 1, "503")]


def test_a_lost_worker_is_told_and_so_is_the_proof(office: Office) -> None:
    provider = office.provider
    provider.name = "sendgrid"
    (claim,) = claim_batches(office.world.engine, provider, now=office.clock(), limit=10) or []
    office.sql("UPDATE batches SET called_at = :now", now=office.clock())
    office.clock.now += LEASE * 2
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset(), max_attempts=8)
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           VALUES ('e', :id, 'processed', :now, :now)""",
        id=claim.recipients[0].delivery_id,
        now=office.clock(),
    )
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=HOUR)
    assert befell(office) == [("worker lost", 1, None), ("proved", None, None)]


def test_it_goes_with_its_batch(office: Office) -> None:
    office.provider.answers = [lambda _: Outcome("refused", reason="400")]
    office.send()
    office.sql("DELETE FROM batches")
    assert office.sql("SELECT count(*) FROM batch_history") == [(0,)]
