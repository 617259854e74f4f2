"""What cannot be known is parked, and settled by evidence alone."""

from datetime import timedelta

from notifier.delivery.claiming import LEASE, ClaimedBatch, begin_calls, claim_batches
from notifier.delivery.providers import Outcome
from notifier.delivery.recording import record
from notifier.delivery.settling import settle_unknown
from notifier.delivery.sweeping import expire_leases
from tests.delivery.office import ASTHMA, Office, everybody_once
from tests.world import NOON, days

GRACE = timedelta(minutes=15)


def test_an_unknown_outcome_is_parked_and_not_sent_again(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    for _ in range(5):
        office.later(timedelta(hours=5))
        settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=GRACE)
    assert office.states() == {"unknown": 8}
    assert office.provider.calls == 1


def hear(office: Office, kind: str = "processed", who: str = "anna") -> None:
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           SELECT gen_random_uuid()::text, d.id, :kind, :now, :now
           FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
           WHERE s.email = :email""",
        kind=kind,
        email=f"{who}@example.org",
        now=office.clock(),
    )


def test_one_event_of_the_webhook_proves_that_the_whole_call_was_accepted(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    hear(office)
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=GRACE)
    assert office.states() == {"accepted": 8}


def test_silence_of_a_live_webhook_has_it_sent_again_after_the_grace_time(office: Office) -> None:
    in_doubt(office)
    speak_again(office)
    assert office.states() == {"unknown": 8}
    office.clock.now += GRACE * 0.2
    assert settle(office) == {"retrying": 8}
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.calls == 2


def another_batch(office: Office) -> None:
    office.world.event(ASTHMA, kind="new_study")
    (number,) = office.sql("SELECT count(*) FROM runs")[0]
    office.world.run("daily", NOON + days(int(str(number)) + 1))
    office.sql("UPDATE batches SET next_attempt_at = :now WHERE state = 'planned'", now=office.clock())


def in_doubt(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()


def speak(office: Office, *, late: timedelta = timedelta(0)) -> None:
    """The webhook tells of something else that happened `late` ago."""
    office.sql(
        """INSERT INTO feedback_events (event_id, kind, occurred_at, received_at)
           VALUES (gen_random_uuid()::text, 'delivered', :then, :now)""",
        now=office.clock(),
        then=office.clock() - late,
    )


def settle(office: Office) -> dict[str, int]:
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=GRACE)
    return office.states()


def speak_again(office: Office) -> None:
    """At once after the call, and still when the grace time is nearly over."""
    office.clock.now += timedelta(seconds=20)
    speak(office)
    office.clock.now += GRACE * 0.9
    speak(office)
    settle(office)


def test_silence_while_the_webhook_was_away_proves_nothing_until_it_could_have_spoken(office: Office) -> None:
    """It was down when word of the call was due; the provider tries again, at growing intervals."""
    in_doubt(office)
    office.clock.now += GRACE * 2
    speak(office)
    assert settle(office) == {"unknown": 8}
    office.clock.now += GRACE * 5
    speak(office)
    assert settle(office) == {"retrying": 8}


def test_a_webhook_that_is_merely_slow_proves_nothing(office: Office) -> None:
    in_doubt(office)
    speak_again(office)
    office.clock.now += GRACE * 0.2
    speak(office, late=GRACE)
    assert settle(office) == {"unknown": 8}
    office.clock.now += GRACE * 1.1
    speak(office)
    assert settle(office) == {"retrying": 8}


def test_an_old_doubt_that_waits_for_an_operator_does_not_hold_up_new_ones(office: Office) -> None:
    """What was accepted in the days without a webhook will never be heard of."""
    in_doubt(office)
    office.clock.now += timedelta(hours=5)
    another_batch(office)
    office.send()
    office.clock.now += timedelta(hours=5)
    another_batch(office)
    in_doubt(office)
    speak_again(office)
    office.clock.now += GRACE * 0.2
    assert settle(office) == {"unknown": 8, "accepted": 8, "retrying": 8}


def test_a_provider_without_a_webhook_is_not_taken_for_silent(office: Office) -> None:
    """The webhook of the provider that was used before may go on speaking."""
    office.provider.name = "smtp"
    in_doubt(office)
    speak_again(office)
    office.clock.now += GRACE * 0.2
    assert settle(office) == {"unknown": 8}


def test_word_that_comes_just_before_it_would_be_sent_again_is_heard(office: Office) -> None:
    in_doubt(office)
    speak_again(office)
    office.clock.now += GRACE * 0.2
    assert settle(office) == {"retrying": 8}
    hear(office)
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.calls == 1


def test_a_webhook_that_went_silent_proves_nothing(office: Office) -> None:
    office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    office.send()
    office.clock.now += timedelta(minutes=1)
    office.sql(
        "INSERT INTO feedback_events (event_id, kind, occurred_at, received_at) VALUES ('x', 'delivered', :now, :now)",
        now=office.clock(),
    )
    office.clock.now += days(1)
    settle_unknown(office.world.engine, now=office.clock(), max_attempts=8, grace=GRACE)
    assert office.states() == {"unknown": 8}


def begin(office: Office) -> list[ClaimedBatch]:
    """A worker takes the batch and is about to call; then it is killed."""
    claims = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    with office.world.engine.begin() as conn:
        assert begin_calls(conn, claims, office.clock(), office.clock() + LEASE)
    return claims


def test_what_a_killed_worker_had_not_begun_is_sent_again_as_soon_as_that_is_noticed(office: Office) -> None:
    claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50)
    office.clock.now += LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=office.clock(), repeatable=frozenset({"outbox"}), max_attempts=8)
    office.send()
    assert office.states() == {"accepted": 8}
    assert office.provider.mailed == everybody_once()


def test_a_killed_worker_leaves_its_batch_in_doubt_not_guessed(office: Office) -> None:
    begin(office)
    later = office.clock() + LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=later, repeatable=frozenset({"outbox"}), max_attempts=8)
    assert office.states() == {"unknown": 8}


def test_where_a_repeat_is_harmless_a_killed_workers_batch_is_sent_again(office: Office) -> None:
    office.provider.name = "outbox"
    begin(office)
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
    (claim,) = begin(office)
    later = office.clock() + LEASE + timedelta(seconds=1)
    expire_leases(office.world.engine, now=later, repeatable=frozenset(), max_attempts=8)
    with office.world.engine.begin() as conn:
        record(
            conn, [(claim, Outcome("accepted", message_id="m"))], now=later, settings=office.world.settings
        )
    assert office.states() == {"accepted": 8}
