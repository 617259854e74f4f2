"""A call that is refused for a fault of ours gives nobody up, and one odd edition does not stop the others."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from notifier.delivery import blame, brakes, rounds, sending
from notifier.delivery.progress import brakes_on
from notifier.delivery.providers import Outcome, OutgoingBatch
from notifier.settings import Settings
from tests.delivery.mailroom import post_confirm, send_letters
from tests.delivery.office import Clock, Office, everybody_once, open_office
from tests.delivery.scripted import ScriptedProvider, accept
from tests.world import NOON, World, condition, days

WRONG_HEADER = Outcome("our_fault", reason="the mail itself is refused: HTTP 400 headers: reserved")
CRYPTIC = Outcome("refused_unnamed", reason="HTTP 400: Bad Request")
ODD = "person0@example.org"
EDITIONS = 12


@pytest.fixture
def editions(engine: Engine, settings: Settings) -> Office:
    """An edition of its own for each person."""
    world = World(engine, settings)
    for number in range(EDITIONS):
        world.person(f"person{number}", condition(f"Condition {number}"))
        world.event(condition(f"Condition {number}"), kind="new_study")
    world.run("daily", NOON + days(1))
    return Office(world, ScriptedProvider(), Clock())


def each_once() -> dict[str, int]:
    return {f"person{number}@example.org": 1 for number in range(EDITIONS)}


def brake(office: Office) -> dict[str, str]:
    with office.world.engine.connect() as conn:
        return brakes_on(conn, office.clock())


def to(batch: OutgoingBatch) -> set[str]:
    return {person.email for person in batch.recipients}


def refuse(outcome: Outcome, emails: Iterable[str]) -> list:
    bad = set(emails)
    return [lambda batch: outcome if to(batch) & bad else accept(batch)] * 10_000


@pytest.mark.parametrize("outcome", [WRONG_HEADER, CRYPTIC])
def test_a_fault_in_every_call_opens_the_breaker_and_a_probe_closes_it_with_nobody_given_up(
    editions: Office, monkeypatch: pytest.MonkeyPatch, outcome: Outcome
) -> None:
    def slowly(_: OutgoingBatch) -> Outcome:
        editions.clock.now += timedelta(seconds=1)
        return outcome

    monkeypatch.setattr(rounds, "CALLS_IN_FLIGHT", 1)
    monkeypatch.setattr(sending, "CALLS_IN_FLIGHT", 1)
    editions.provider.answers = [slowly] * 10_000
    editions.send()
    assert brake(editions) == {"breaker": outcome.reason}
    assert editions.provider.calls <= blame.EDITIONS_IN_A_ROW + 1
    calls = editions.provider.calls
    for _ in range(40):
        editions.later(brakes.PROBE_INTERVAL)
    assert editions.provider.calls == calls + 40
    assert editions.states() == {"retrying": EDITIONS}
    editions.provider.answers = []
    editions.later(brakes.PROBE_INTERVAL)
    assert brake(editions) == {}
    editions.later(timedelta(hours=1))
    assert editions.states() == {"accepted": EDITIONS}
    assert editions.provider.mailed == each_once()


@pytest.mark.parametrize("outcome", [WRONG_HEADER, CRYPTIC])
def test_one_odd_edition_stops_nobody_else_and_ends_where_an_operator_sees_it(
    editions: Office, outcome: Outcome
) -> None:
    editions.provider.answers = refuse(outcome, [ODD])
    editions.send()
    assert brake(editions) == {}
    assert editions.states() == {"accepted": EDITIONS - 1, "retrying": 1}
    for number in range(40):
        editions.world.person(f"later{number}", condition("Later"))
        editions.world.event(condition("Later"), kind="new_study")
        editions.sql("UPDATE batches SET ended_at = :now WHERE state = 'accepted'", now=editions.clock())
        editions.later(timedelta(minutes=5))
    assert editions.states() == {"accepted": EDITIONS - 1, "failed": 1}
    assert editions.sql("SELECT failure_class, reason, attempts FROM batches WHERE state = 'failed'") == [
        ("our_fault", outcome.reason, editions.world.settings.max_attempts)
    ]


def test_while_no_other_mail_goes_an_odd_edition_is_kept_for_a_day(editions: Office) -> None:
    editions.provider.answers = refuse(WRONG_HEADER, [ODD])
    editions.send()
    for _ in range(11):
        editions.later(timedelta(hours=2))
    assert editions.states() == {"accepted": EDITIONS - 1, "retrying": 1}
    editions.later(timedelta(hours=4))
    assert editions.states() == {"accepted": EDITIONS - 1, "failed": 1}


def test_the_probe_is_not_spent_on_an_edition_that_was_just_refused(editions: Office) -> None:
    """Three odd editions are the first ones tried; the fourth call shows that the account is well."""
    odd = [f"person{number}@example.org" for number in range(3)]
    editions.provider.answers = refuse(WRONG_HEADER, odd)
    editions.sql("UPDATE batches SET next_attempt_at = next_attempt_at + interval '1 minute'")
    editions.sql(
        """UPDATE batches SET next_attempt_at = next_attempt_at - interval '1 minute'
           WHERE id IN (SELECT d.batch_id FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
                        WHERE s.email = ANY(:odd))""",
        odd=odd,
    )
    with editions.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "every call is refused", now=editions.clock(), until=editions.clock())
    for _ in odd:
        editions.later(brakes.PROBE_INTERVAL)
        assert brake(editions)
    editions.later(brakes.PROBE_INTERVAL)
    assert brake(editions) == {}
    assert editions.states()["accepted"] == EDITIONS - 3


def test_the_rest_of_an_odd_edition_waits_with_the_batch_that_was_refused(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = open_office(engine, settings.model_copy(update={"batch_size": 1}))
    monkeypatch.setattr("notifier.delivery.sending.CLAIM_BATCHES", 1)
    office.provider.answers = [lambda _: WRONG_HEADER] * 10_000
    office.send()
    assert office.provider.calls == 1
    office.provider.answers = []
    office.later(timedelta(hours=1))
    assert office.provider.mailed == everybody_once()


def test_a_letter_that_is_refused_is_the_probe_where_there_is_nothing_else(office: Office) -> None:
    office.send()
    post_confirm(office, "xena", condition("Gout"))
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401", now=office.clock(), until=office.clock())
    office.provider.answers = [lambda _: WRONG_HEADER]
    for _ in range(2):
        send_letters(office, timedelta(hours=1))
    assert (brake(office), office.states()) == ({}, {"accepted": 9})


@pytest.mark.parametrize("outcome", [WRONG_HEADER, CRYPTIC])
def test_letters_that_are_refused_keep_no_digest_waiting(office: Office, outcome: Outcome) -> None:
    """Whoever signs up chooses the address, and letters go first, also as the probe of an open breaker; but each only
    once, also where the process for letters is always the first to ask."""
    names = ("xena", "yves", "zoe")
    for name in names:
        post_confirm(office, name, condition("Gout"))
    office.provider.answers = refuse(outcome, [f"{name}@example.org" for name in names])
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401", now=office.clock(), until=office.clock())
    for _ in names:
        send_letters(office, brakes.PROBE_INTERVAL)
        office.send()
    assert (brake(office), office.provider.mailed) == ({"breaker": "HTTP 401"}, {})
    send_letters(office, brakes.PROBE_INTERVAL)
    office.send()
    assert brake(office) == {}
    assert office.provider.mailed == everybody_once()
    for _ in range(20):
        office.later(timedelta(hours=2))
    assert office.states() == {"accepted": 8, "failed": 3}


def test_a_cryptic_refusal_of_all_is_not_halved_for_ever_and_refuses_nobody(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blame, "MOST_HALVINGS", 3)
    office.provider.answers = [lambda _: CRYPTIC] * 10_000
    office.send()
    assert office.states() == {"retrying": 8}
    assert office.sql("SELECT count(*) FROM batches WHERE state = 'dropped'") == [(3,)]
    office.provider.answers = []
    office.later(timedelta(hours=1))
    assert office.provider.mailed == everybody_once()


def test_a_lone_person_is_refused_without_a_name_only_where_others_got_the_same(office: Office) -> None:
    bad = "carla@example.org"
    office.provider.answers = refuse(CRYPTIC, [bad])
    office.send()
    assert office.states() == {"accepted": 7, "failed": 1}
    assert office.sql("SELECT failure_class FROM batches WHERE state = 'failed'") == [("refused_unnamed",)]
