"""An undo at the very moment of a claim, or while a run is planned."""

from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from sqlalchemy import Engine
from structlog.testing import capture_logs

from notifier.delivery import planning, unwanted, withdrawing
from notifier.delivery.withdrawing import undo_all
from notifier.settings import Settings
from tests.delivery.post import AT, Post
from tests.waiting import wait_for
from tests.world import condition, days

ASTHMA = condition("Asthma")


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    return Post(engine, settings)


def test_a_claim_at_the_moment_of_an_undo_neither_loses_nor_repeats(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The claim has seen that she stopped, and looks again under her lock while the undo holds it."""
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    post.run("daily", AT)
    post.stop(anna)
    real, claims = unwanted._held_stopped, list[Future[None]]()
    seen = []
    with ThreadPoolExecutor(1) as pool, post.engine.connect() as conn, conn.begin():
        monkeypatch.setattr(unwanted, "_held_stopped", lambda *args: (seen.append(1), real(*args))[1])
        assert undo_all(conn, post.public_id(anna), via="page", now=AT) == "undone"
        claims.append(pool.submit(post.send))
        wait_for(lambda: seen and _waits(post))
        conn.commit()
        claims[0].result(30)
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(anna) == [("Asthma", event)]


def test_an_undo_waits_for_a_claim_that_is_skipping_and_sees_what_it_skipped(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    post.run("daily", AT)
    post.stop(anna)
    real, undos = unwanted._held_stopped, list[Future[str]]()

    with ThreadPoolExecutor(1) as pool:

        def held(*args):
            stopped = real(*args)
            undos.append(pool.submit(post.undo, anna))
            wait_for(lambda: _waits(post))
            return stopped

        monkeypatch.setattr(unwanted, "_held_stopped", held)
        post.send()
        assert undos[0].result(30) == "undone"
    post.run("daily", AT + days(1))
    monkeypatch.setattr(unwanted, "_held_stopped", real)
    post.send(AT + days(1))
    assert post.read(anna) == [("Asthma", event)]


def test_who_stops_and_undoes_around_a_run_that_is_being_planned_is_told_once(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    real, undos = planning.close_range, list[Future[str]]()
    with ThreadPoolExecutor(2) as pool:

        def closing(*args, **options):
            pool.submit(post.stop, anna).result(30)
            undos.append(pool.submit(post.undo, anna))
            wait_for(lambda: _waits(post))
            real(*args, **options)

        monkeypatch.setattr(planning, "close_range", closing)
        post.run("daily", AT)
        assert undos[0].result(30) == "undone"
    monkeypatch.setattr(planning, "close_range", real)
    for day in (0, 1):
        post.run("daily", AT + days(day))
        post.send(AT + days(day))
    assert post.read(anna) == [("Asthma", event)]


def test_an_undo_that_fails_on_its_way_leaves_no_word_that_they_are_back(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = post.person("anna", ASTHMA)
    post.stop(anna)
    monkeypatch.setattr(withdrawing, "set_back", lambda *_: 1 / 0)
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        post.undo(anna)
    monkeypatch.undo()
    assert logs == []
    with capture_logs() as logs:
        assert post.undo(anna) == "undone"
    assert [line["event"] for line in logs] == ["person_back"]


def _waits(post: Post) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(post.sql(query))
