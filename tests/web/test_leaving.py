"""Thousands leave by one click at once: each is stopped, and nobody waits for what somebody else's row is held by."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import Engine, text
from structlog.typing import EventDict

from notifier.links.tokens import UnsubscribeLinks
from notifier.subscriptions.journal import mark
from tests.waiting import wait_for
from tests.web.conftest import public_id_of, query
from tests.world import NOON, World, condition

CROWD = 60
Post = Callable[[UUID], "Future[httpx.Response]"]


@pytest.fixture
def crowd(world: World, engine: Engine) -> list[UUID]:
    asthma = condition("Asthma")
    return [public_id_of(engine, world.person(f"person{n}", asthma)) for n in range(CROWD)]


@pytest.fixture
def post(base: str, links: UnsubscribeLinks) -> Iterator[Post]:
    limits = httpx.Limits(max_connections=CROWD + 5)
    with (
        httpx.Client(base_url=base, timeout=30, limits=limits) as line,
        ThreadPoolExecutor(CROWD + 5) as providers,
    ):
        yield lambda person: providers.submit(
            line.post, f"/u/{links.token(person)}", data={"List-Unsubscribe": "One-Click"}
        )


def left(engine: Engine) -> int:
    found = query(engine, "SELECT count(*) FROM subscribers WHERE state = 'stopped'")
    return int(found[0][0])


def test_each_of_a_crowd_is_stopped_once_though_every_click_comes_twice(
    engine: Engine, crowd: list[UUID], post: Post, log_lines: list[EventDict]
) -> None:
    answers = [post(person) for person in [*crowd, *crowd]]
    assert {(answer.result().status_code, answer.result().text) for answer in answers} == {
        (200, "You are unsubscribed.\n")
    }
    assert left(engine) == CROWD
    trail = "SELECT subscriber_id, count(*) FROM subscription_changes WHERE action = 'stop_all' GROUP BY 1"
    assert [count for _, count in query(engine, trail)] == [1] * CROWD
    assert (
        query(engine, "SELECT 1 FROM subscriptions WHERE ended_at IS NULL OR ended_at <> :now", now=NOON)
        == []
    )
    journal = [line["person"] for line in log_lines if line["event"] == "person_stopped"]
    assert sorted(journal) == sorted(map(mark, crowd))


@pytest.mark.parametrize(
    "hold",
    [
        "SELECT 1 FROM subscribers WHERE public_id = :person FOR UPDATE",
        """SELECT 1 FROM subscriptions b JOIN subscribers s ON s.id = b.subscriber_id
           WHERE s.public_id = :person FOR UPDATE OF b""",
    ],
    ids=["the person", "something of theirs"],
)
def test_whoever_is_held_waits_alone_and_then_leaves(
    engine: Engine, crowd: list[UUID], post: Post, hold: str
) -> None:
    held, *others = crowd
    with engine.connect() as somebody:
        somebody.execute(text(hold), {"person": held})
        waiting = post(held)
        assert {answer.result().status_code for answer in map(post, others)} == {200}
        assert (left(engine), waiting.done()) == (CROWD - 1, False)
    assert waiting.result().status_code == 200
    assert left(engine) == CROWD


def test_what_they_began_to_follow_while_they_were_held_has_ended_too(
    engine: Engine, anna: UUID, post: Post, world: World
) -> None:
    target = world.target(condition("Dry Eye"))
    with engine.begin() as confirming:
        confirming.execute(text("SELECT 1 FROM subscribers FOR NO KEY UPDATE"))
        waiting = post(anna)
        wait_for(lambda: query(engine, WAITING))
        confirming.execute(
            text(
                """INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
                   SELECT id, :target, 4, 0, now(), 'form' FROM subscribers"""
            ),
            {"target": target},
        )
    assert waiting.result().status_code == 200
    assert query(engine, "SELECT count(*) FROM subscriptions WHERE ended_at IS NULL") == [(0,)]


WAITING = """SELECT 1 FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def test_a_database_that_went_away_is_said_to_each_and_the_next_click_counts(
    engine: Engine, crowd: list[UUID], post: Post
) -> None:
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE subscription_changes RENAME TO gone"))
    assert {answer.result().status_code for answer in map(post, crowd)} == {503}
    assert left(engine) == 0
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE gone RENAME TO subscription_changes"))
    assert {answer.result().status_code for answer in map(post, crowd)} == {200}
    assert left(engine) == CROWD


def test_a_link_of_nobody_is_answered_while_others_are_held(
    engine: Engine, crowd: list[UUID], post: Post
) -> None:
    with engine.connect() as somebody:
        somebody.execute(text("SELECT 1 FROM subscribers FOR UPDATE"))
        waiting = [post(person) for person in crowd]
        assert post(uuid4()).result().status_code == 200
        assert not any(answer.done() for answer in waiting)
    assert {answer.result().status_code for answer in waiting} == {200}
