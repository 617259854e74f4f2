"""Somebody stops one thing while a sender has their digest in hand, and it does not go: the next attempt knows."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from notifier.delivery import changed
from notifier.delivery.claiming import ClaimedBatch, claim_batches
from notifier.delivery.deciding import retry_batches
from notifier.delivery.providers import Outcome
from notifier.delivery.recording import record
from notifier.delivery.resending import resend_failed
from notifier.delivery.restoring import park
from notifier.delivery.sweeping import expire_leases
from notifier.settings import Settings
from notifier.subscriptions.changing import follow
from tests.delivery.post import AT, Post
from tests.delivery.scripted import ScriptedProvider
from tests.delivery.test_withdrawals import withdraw
from tests.world import condition, days

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
LATER = AT + timedelta(hours=1)


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    return Post(engine, settings)


def claim(post: Post, now=AT) -> list[ClaimedBatch]:
    return claim_batches(post.engine, ScriptedProvider(), now=now, limit=100) or []


def in_hand(post: Post) -> list[ClaimedBatch]:
    """A digest about both things, that a sender has just taken."""
    post.event(ASTHMA)
    post.event(ECZEMA)
    post.run("daily", AT)
    claims = claim(post)
    assert claims
    return claims


def outage(post: Post, claims: list[ClaimedBatch]) -> None:
    with post.engine.begin() as conn:
        outcomes = [(claim, Outcome("fault", reason="HTTP 503")) for claim in claims]
        record(conn, outcomes, now=AT, settings=post.settings)


def killed(post: Post, claims: list[ClaimedBatch]) -> None:
    expire_leases(post.engine, now=LATER, repeatable=frozenset(), max_attempts=8)


def given_up(post: Post, claims: list[ClaimedBatch]) -> None:
    post.sql("UPDATE batches SET state = 'failed'")
    with post.engine.begin() as conn:
        retry_batches(conn, [claim.batch_id for claim in claims], now=AT)


def read_after(post: Post, id_: int) -> list[tuple[str, int]]:
    """Over the next attempt and two more runs."""
    post.send(LATER)
    for day in (1, 2):
        post.run("daily", AT + days(day))
        post.send(AT + days(day))
    return post.read(id_)


@pytest.mark.parametrize("undone", [outage, killed, given_up])
def test_the_next_attempt_is_held_back_and_the_rest_comes_with_the_next_digest(post: Post, undone) -> None:
    anna, ben = post.person("anna", ASTHMA, ECZEMA), post.person("ben", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop_one(anna, ASTHMA)
    undone(post, claims)
    assert read_after(post, anna) == [("Eczema", 2)]
    assert read_after(post, ben) == [("Asthma", 1), ("Eczema", 2)]


def test_so_it_is_when_an_operator_withdraws_it(post: Post) -> None:
    anna, ben = post.person("anna", ASTHMA, ECZEMA), post.person("ben", ASTHMA)
    claims = in_hand(post)
    assert withdraw(post).held_back == 0
    outage(post, claims)
    assert read_after(post, anna) == [("Eczema", 2)]
    assert post.read(ben) == []


def test_and_when_of_everything_stopped_one_thing_has_come_back(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop(anna)
    assert post.undo_one(anna, ECZEMA) == "undone"
    outage(post, claims)
    assert read_after(post, anna) == [("Eczema", 2)]


def test_who_has_taken_it_back_before_gets_the_mail(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop_one(anna, ASTHMA)
    assert post.undo_one(anna, ASTHMA) == "undone"
    outage(post, claims)
    assert read_after(post, anna) == [("Asthma", 1), ("Eczema", 2)]


def test_a_new_consent_is_for_what_comes_after_it(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop_one(anna, ASTHMA)
    with post.engine.begin() as conn:
        follow(conn, anna, post.target(ASTHMA), reach=4, source="page", via="page", now=AT)
    outage(post, claims)
    assert read_after(post, anna) == [("Eczema", 2)]


@pytest.mark.parametrize("held", ["schedules", "subscribers"])
def test_while_a_run_is_planned_or_the_person_held_it_waits_a_moment_and_nobody_waits_for_it(
    post: Post, held: str
) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop_one(anna, ASTHMA)
    outage(post, claims)
    with post.engine.begin() as planner:
        planner.execute(text(f"SELECT 1 FROM {held} FOR UPDATE"))
        assert claim(post, LATER) == []
    assert post.sql("SELECT state, attempts, lease_until FROM batches") == [("retrying", 1, None)]
    post.send(LATER)
    assert post.read(anna) == []
    assert read_after(post, anna) == [("Eczema", 2)]


def test_who_takes_it_back_at_this_very_moment_gets_the_mail(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim has seen that it is stopped, and looks again once she is held."""
    anna = post.person("anna", ASTHMA, ECZEMA)
    claims = in_hand(post)
    post.stop_one(anna, ASTHMA)
    outage(post, claims)
    real = changed._held_if_free

    def undone_first(*given):
        assert post.undo_one(anna, ASTHMA) == "undone"
        return real(*given)

    monkeypatch.setattr(changed, "_held_if_free", undone_first)
    assert len(claim(post, LATER)) == 1
    post.sql("UPDATE batches SET state = 'accepted'")
    assert read_after(post, anna) == [("Asthma", 1), ("Eczema", 2)]


def test_so_it_is_with_what_a_restore_has_parked(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.event(ASTHMA)
    post.event(ECZEMA)
    post.run("daily", AT)
    park(post.engine, until=AT, settings=post.settings, now=AT)
    post.stop_one(anna, ASTHMA)
    with post.engine.begin() as conn:
        assert retry_batches(conn, [1], now=AT) == [1]
    assert read_after(post, anna) == [("Eczema", 2)]


@pytest.mark.parametrize("alone", [True, False])
def test_when_a_run_that_failed_is_sent_again_the_rest_comes_too(post: Post, alone: bool) -> None:
    anna, ben = post.person("anna", ASTHMA, ECZEMA), post.person("ben", ASTHMA, ECZEMA)
    in_hand(post)
    if alone:
        post.sql("UPDATE deliveries SET state = 'failed', reason = 'odd'")
    post.sql("UPDATE batches SET state = :state", state="accepted" if alone else "failed")
    post.stop_one(anna, ASTHMA)
    ((run,),) = post.sql("SELECT key FROM runs")
    with post.engine.begin() as conn:
        sent = resend_failed(conn, run, bounced=False, actor="command line", note="why", now=AT)
    assert (sent.people, sent.left) == (1, {"changed": 1})
    assert read_after(post, anna) == [("Eczema", 2)]
    assert read_after(post, ben) == [("Asthma", 1), ("Eczema", 2)]
