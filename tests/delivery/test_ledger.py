"""What the ledger does with each way a call can end. Every person is mailed once, or their row says why not."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from notifier.delivery import brakes
from notifier.delivery.claiming import LEASE, claim_batches
from notifier.delivery.progress import brakes_on, states_of_all
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.delivery.recording import record
from notifier.delivery.sending import Sender
from notifier.delivery.settling import GRACE, settle_unknown
from notifier.delivery.sweeping import expire_leases
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.subscriptions.stopping import stop_all
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, condition, days

ASTHMA = condition("Asthma")
PEOPLE = ["anna", "ben", "carla", "dora", "emil", "fay", "gus", "hana"]


@dataclass
class Clock:
    now: datetime = NOON + days(1)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """Eight people in one batch, waiting for one provider."""

    world: World
    provider: ScriptedProvider
    clock: Clock

    @property
    def sender(self) -> Sender:
        links = UnsubscribeLinks(["k" * 32], "http://localhost:8000")
        return Sender(self.world.engine, self.provider, links, self.world.settings, self.clock)

    def send(self) -> None:
        self.sender.send_due(until=self.clock.now + days(1))

    def later(self, wait: timedelta) -> None:
        self.clock.now += wait
        self.send()

    def states(self) -> dict[str, int]:
        with self.world.engine.connect() as conn:
            return states_of_all(conn)

    def sql(self, statement: str, **bind: object) -> list[tuple[object, ...]]:
        with self.world.engine.begin() as conn:
            result = conn.execute(text(statement), bind)
            return [tuple(row) for row in result] if result.returns_rows else []


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    world = World(engine, settings)
    for name in PEOPLE:
        world.person(name, ASTHMA)
    world.event(ASTHMA, kind="new_study")
    world.run("daily", NOON + days(1))
    return Office(world, ScriptedProvider(), Clock())


def everybody_once() -> dict[str, int]:
    return {f"{name}@example.org": 1 for name in PEOPLE}


def test_one_call_for_people_who_read_the_same(office: Office) -> None:
    office.send()
    assert office.provider.calls == 1
    assert office.provider.mailed == everybody_once()
    assert office.states() == {"accepted": 8}


def test_an_unsubscribe_takes_effect_on_mail_already_queued(office: Office) -> None:
    ((public_id,),) = office.sql("SELECT public_id FROM subscribers WHERE email = 'anna@example.org'")
    with office.world.engine.begin() as conn:
        assert stop_all(conn, public_id, reason="one_click", now=NOON) == "stopped"  # type: ignore[arg-type]
    office.send()
    assert "anna@example.org" not in office.provider.mailed
    assert office.states() == {"accepted": 7, "skipped": 1}


def test_a_suppressed_address_is_skipped_with_its_reason(office: Office) -> None:
    office.sql("INSERT INTO suppressions (email_key, reason, created_at) VALUES ('ben', 'bounced', now())")
    office.send()
    assert "ben@example.org" not in office.provider.mailed
    assert office.sql("SELECT reason FROM deliveries WHERE state = 'skipped'") == [("suppressed",)]


def test_a_batch_in_which_nobody_is_left_ends_without_a_call(office: Office) -> None:
    office.sql("UPDATE subscribers SET state = 'stopped', audience_id = NULL")
    office.send()
    assert office.provider.calls == 0
    assert office.states() == {"skipped": 8}


def test_two_workers_never_get_the_same_batch(office: Office) -> None:
    first = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50)
    second = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50)
    assert first is not None and len(first) == 1
    assert second == []


def refuse_named(batch: OutgoingBatch) -> Outcome:
    bad = next(person for person in batch.recipients if person.email.startswith("carla"))
    return Outcome("refused_named", refused={bad.delivery_id: "not an address"})


def test_a_named_bad_address_is_taken_out_and_the_rest_goes_on(office: Office) -> None:
    office.provider.answers = [refuse_named]
    office.send()
    assert office.states() == {"accepted": 7, "failed": 1}
    assert office.provider.calls == 2


def refuse_carla(batch: OutgoingBatch) -> Outcome:
    guilty = any(person.email.startswith("carla") for person in batch.recipients)
    return Outcome("refused_unnamed", reason="Bad Request") if guilty else Outcome("accepted")


def test_a_bad_address_that_is_not_named_is_found_by_halving(office: Office) -> None:
    office.provider.answers = [refuse_carla] * 20
    office.send()
    assert office.states() == {"accepted": 7, "failed": 1}
    assert {name: count for name, count in office.provider.mailed.items() if count != 1} == {}
    assert office.provider.calls == 7  # 8, then 4 4, then 2 2, then 1 1


def test_a_fault_is_tried_again_later_and_ends_after_a_bounded_number_of_tries(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("fault", reason="503")] * 50
    for _ in range(20):
        office.later(timedelta(hours=2))
    assert office.states() == {"failed": 8}
    assert office.provider.calls == office.world.settings.max_attempts


def test_a_throttled_account_waits_as_long_as_the_provider_says(office: Office) -> None:
    retry_at = office.clock() + timedelta(minutes=3)
    office.provider.answers = [lambda batch: Outcome("throttled", retry_at=retry_at)]
    office.send()
    office.later(timedelta(minutes=2))
    assert office.provider.calls == 1
    office.later(timedelta(minutes=2))
    assert office.states() == {"accepted": 8}


def test_a_refused_account_opens_the_breaker_and_a_probe_closes_it(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("account", reason="401")] * 2
    office.send()
    assert office.states() == {"retrying": 8}
    with office.world.engine.connect() as conn:
        assert brakes_on(conn) == {"breaker": "401"}
    office.send()
    assert office.provider.calls == 1  # nothing is tried before the probe is due
    office.later(brakes.PROBE_INTERVAL)
    office.later(brakes.PROBE_INTERVAL)
    assert office.states() == {"accepted": 8}
    with office.world.engine.connect() as conn:
        assert brakes_on(conn) == {}


def test_an_outage_of_the_account_costs_no_attempts(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("account", reason="401")] * 30
    for _ in range(30):
        office.later(brakes.PROBE_INTERVAL)
    office.later(brakes.PROBE_INTERVAL)
    assert office.states() == {"accepted": 8}


def test_nothing_goes_out_while_an_operator_paused_and_nothing_is_lost(office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "paused", "by an operator", now=office.clock())
    office.later(days(2))
    assert office.provider.calls == 0
    with office.world.engine.begin() as conn:
        brakes.release(conn, "paused")
    office.send()
    assert office.provider.mailed == everybody_once()


def test_an_unknown_outcome_is_parked_and_not_sent_again(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    for _ in range(5):
        office.later(timedelta(hours=5))
        settle_unknown(office.world.engine, now=office.clock(), max_attempts=8)
    assert office.states() == {"unknown": 8}
    assert office.provider.calls == 1


def hear(office: Office, kind: str = "processed", who: str = "anna") -> None:
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           SELECT gen_random_uuid()::text, d.id, :kind, :now, :now FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
           WHERE s.email = :email""",
        kind=kind,
        email=f"{who}@example.org",
        now=office.clock(),
    )


def test_one_event_of_the_webhook_proves_that_the_whole_call_was_accepted(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    hear(office)
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8)
    assert office.states() == {"accepted": 8}


def test_silence_of_a_live_webhook_has_it_sent_again_after_the_grace_time(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    office.clock.now += GRACE * 0.9
    office.sql(
        "INSERT INTO feedback_events (event_id, kind, occurred_at, received_at) VALUES ('x', 'delivered', :now, :now)",
        now=office.clock(),
    )
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8)
    assert office.states() == {"unknown": 8}
    office.clock.now += GRACE * 0.2
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8)
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.calls == 2


def test_a_webhook_that_went_silent_proves_nothing(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    office.clock.now += timedelta(minutes=1)
    office.sql(
        "INSERT INTO feedback_events (event_id, kind, occurred_at, received_at) VALUES ('x', 'delivered', :now, :now)",
        now=office.clock(),
    )
    office.clock.now += days(1)
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8)
    assert office.states() == {"unknown": 8}


def test_a_killed_worker_leaves_its_batch_in_doubt_not_guessed(office: Office) -> None:
    claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50)
    later = office.clock() + LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=later, repeatable=frozenset({"outbox"}), max_attempts=8)
    assert office.states() == {"unknown": 8}


def test_where_a_repeat_is_harmless_a_killed_workers_batch_is_sent_again(office: Office) -> None:
    office.provider.name = "outbox"
    claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50)
    office.clock.now += LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset({"outbox"}), max_attempts=8)
    office.send()
    assert office.provider.mailed == everybody_once()


def test_a_claim_that_was_lost_records_nothing(office: Office) -> None:
    (claim,) = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    office.sql("UPDATE batches SET state = 'retrying'")
    with office.world.engine.begin() as conn:
        record(conn, [(claim, Outcome("refused"))], now=office.clock(), settings=office.world.settings)
    assert office.states() == {"retrying": 8}


def test_a_late_answer_settles_what_was_only_parked(office: Office) -> None:
    (claim,) = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    later = office.clock() + LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=later, repeatable=frozenset(), max_attempts=8)
    with office.world.engine.begin() as conn:
        record(
            conn, [(claim, Outcome("accepted", message_id="m"))], now=later, settings=office.world.settings
        )
    assert office.states() == {"accepted": 8}


def test_people_who_are_deferred_or_in_doubt_part_from_the_rest(office: Office) -> None:
    def mixed(batch: OutgoingBatch) -> Outcome:
        first, second, third, *_ = [person.delivery_id for person in batch.recipients]
        return Outcome(
            "accepted",
            refused={first: "no such user"},
            deferred={second: "greylisted"},
            unknown={third: "reset"},
        )

    office.provider.answers = [mixed]
    office.send()
    assert office.states() == {"accepted": 5, "failed": 1, "retrying": 1, "unknown": 1}
    office.later(timedelta(hours=2))
    assert office.states() == {"accepted": 6, "failed": 1, "unknown": 1}


def test_all_workers_together_keep_to_the_rate_of_the_account(engine: Engine, settings: Settings) -> None:
    world = World(engine, settings.model_copy(update={"batch_size": 2}))
    for number in range(40):
        world.person(f"person{number}", ASTHMA)
    world.event(ASTHMA, kind="new_study")
    world.run("daily", NOON + days(1))
    provider, start, claimed = ScriptedProvider(), NOON + days(1), 0
    for second in range(10):
        for _worker in range(3):
            now = start + timedelta(seconds=second)
            claims = claim_batches(engine, provider, now=now, limit=50, per_second=2) or []
            claimed += sum(len(claim.recipients) for claim in claims)
    assert (
        20 <= claimed <= 10 + 2 * 10 + 2
    )  # a burst of five seconds, then two a second, and one batch overdrawn
