"""What the ledger does with each way a call can end. Every person is mailed once, or their row says why not."""

from datetime import timedelta

from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.claiming import claim_batches
from notifier.delivery.progress import brakes_on
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.settings import Settings
from notifier.subscriptions.stopping import stop_all
from tests.delivery.office import ASTHMA, Office, everybody_once, open_office
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, days


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
    office.sql(
        """INSERT INTO suppressions (email_key, reason, created_at)
           SELECT email_key, 'bounced', now() FROM subscribers WHERE email LIKE 'ben%'"""
    )
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
    assert [len(claims or []) for claims in (first, second)] == [1, 0]


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


def test_finding_one_bad_address_among_a_thousand_gives_up_nobody_else(
    engine: Engine, settings: Settings
) -> None:
    """That takes more calls than a batch has attempts."""
    office = open_office(engine, settings.model_copy(update={"max_attempts": 2}))
    office.provider.answers = [refuse_carla] * 20
    office.send()
    assert office.states() == {"accepted": 7, "failed": 1}


def test_a_fault_is_tried_for_a_day_and_then_ends(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("fault", reason="503")] * 500
    for _ in range(11):
        office.later(timedelta(hours=2))
    assert office.states() == {"retrying": 8}
    office.later(timedelta(hours=2))
    office.later(timedelta(hours=2))
    assert office.states() == {"failed": 8}
    assert office.provider.calls == 12


def test_what_may_never_pass_is_tried_a_bounded_number_of_times(office: Office) -> None:
    lose = [lambda batch: Outcome("unknown", deferred={p.delivery_id: "450" for p in batch.recipients})]
    office.provider.answers = lose * 500
    for _ in range(30):
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
        assert brakes_on(conn, office.clock()) == {"breaker": "401"}
    office.send()
    assert office.provider.calls == 1  # nothing is tried before the probe is due
    office.later(brakes.PROBE_INTERVAL)
    office.later(brakes.PROBE_INTERVAL)
    assert office.states() == {"accepted": 8}
    with office.world.engine.connect() as conn:
        assert brakes_on(conn, office.clock()) == {}


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
