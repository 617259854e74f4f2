"""A target is withdrawn from many people, while something else happens."""

import pytest
from sqlalchemy import Engine, text

from notifier.delivery import withdrawals
from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawals import Withdrawn, withdraw_target
from notifier.settings import Settings
from notifier.subscriptions.queued import _WITHDRAW_OF_MANY
from tests.delivery.post import AT, Post
from tests.delivery.scripted import ScriptedProvider
from tests.delivery.test_withdrawals import ASTHMA, ECZEMA, REASON, count, next_day, page_of, withdraw
from tests.world import days


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    return Post(engine, settings)


def test_killed_halfway_it_goes_on_when_it_is_asked_for_again(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [post.person(name, ASTHMA) for name in ("anna", "ben", "carla")]
    monkeypatch.setattr(withdrawals, "PEOPLE_AT_A_TIME", 1)

    def kill(done: int, total: int) -> None:
        assert total == 3
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        withdraw_target(
            post.engine, post.target(ASTHMA), REASON, actor="a", note="n", clock=lambda: AT, progress=kill
        )
    assert count(post).people == 1
    assert withdraw(post, now=AT + days(1)).people == 1
    assert {page_of(post, id_).subscriptions[0].why for id_ in people} == {REASON}
    assert post.sql("SELECT count(*) FROM withdrawals") == [(1,)]


def test_who_comes_while_it_is_done_is_found_too(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    post.person("anna", ASTHMA)
    late: list[int] = []

    def meanwhile(done: int, total: int) -> None:
        if not late:
            late.append(post.person("ben", ASTHMA))

    done = withdraw_target(
        post.engine, post.target(ASTHMA), REASON, actor="a", note="n", clock=lambda: AT, progress=meanwhile
    )
    assert done.people == 2


def test_what_a_sender_had_in_hand_and_could_not_send_is_held_back_when_it_is_asked_for_again(
    post: Post,
) -> None:
    anna, ben = post.person("anna", ASTHMA, ECZEMA), post.person("ben", ASTHMA)
    post.event(ASTHMA)
    news = post.event(ECZEMA)
    post.run("daily", AT)
    claim_batches(post.engine, ScriptedProvider(), now=AT, limit=10)
    assert withdraw(post).held_back == 0
    post.sql("UPDATE batches SET state = 'retrying', next_attempt_at = :now", now=AT)
    assert count(post) == Withdrawn(0, 0, 2)
    assert withdraw(post, now=AT + days(1)) == Withdrawn(0, 0, 2)
    assert withdraw(post, now=AT + days(1)).held_back == 0
    post.send(AT + days(1))
    next_day(post, 2)
    assert (post.read(anna), post.read(ben)) == ([("Eczema", news)], [])


def test_who_takes_it_back_at_this_very_moment_keeps_the_digest(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    post.run("daily", AT)
    claim_batches(post.engine, ScriptedProvider(), now=AT, limit=10)
    withdraw(post)
    post.sql("UPDATE batches SET state = 'retrying', next_attempt_at = :now", now=AT)
    real = withdrawals.hold_people

    def undone_first(*given):
        assert post.undo_one(anna, ASTHMA) == "undone"
        return real(*given)

    monkeypatch.setattr(withdrawals, "hold_people", undone_first)
    assert withdraw(post, now=AT + days(1)).held_back == 0
    post.send(AT + days(1))
    assert post.read(anna) == [("Asthma", event)]


def test_queued_digests_are_found_without_reading_all_that_people_ever_got(post: Post) -> None:
    """With a year of digests behind each of a thousand people."""
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.event(ASTHMA)
    next_day(post, 0)
    with post.engine.begin() as conn:
        conn.execute(
            text(
                """INSERT INTO runs (id, key, from_position, to_position, planned_at) OVERRIDING SYSTEM VALUE
                   SELECT n, 'old/' || n, 0, 0, now() FROM generate_series(1001, 1300) n"""
            )
        )
        conn.execute(
            text(
                """INSERT INTO deliveries (run_id, batch_id, subscriber_id)
                   SELECT n, 1, p FROM generate_series(1001, 1300) n, generate_series(1, 1000) p"""
            )
        )
    post.sql("ANALYZE deliveries, batches, edition_items")
    post.event(ASTHMA)
    post.run("daily", AT + days(1))
    plan = "\n".join(
        row[0]
        for row in post.sql(
            "EXPLAIN " + _WITHDRAW_OF_MANY,
            ids=list(range(1, 1001)),
            reason="changed",
            now=AT,
            about=post.target(ASTHMA),
        )
    )
    assert "uq_deliveries_subscriber_run" in plan
    assert "Seq Scan on deliveries" not in plan
    assert withdraw(post).held_back == 1
    assert post.read(anna)
