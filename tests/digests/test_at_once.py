"""Who is told what while readers, planners and imports get in one another's way."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from sqlalchemy import Engine, text

from notifier.delivery import planning
from notifier.settings import Settings
from notifier.subscriptions import holding, importing, staging
from notifier.subscriptions.changing import follow, reschedule
from notifier.subscriptions.importing import import_subscribers
from notifier.subscriptions.personal_data import erase_person
from notifier.subscriptions.schedules import Rhythm
from notifier.subscriptions.stopping import stop_all
from tests.waiting import wait_for
from tests.world import NOON, World, condition, days

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
WEEKLY = Rhythm("weekly", "UTC", 8, 1)
HEADER = "email,study,condition,frequency,timezone,confirmed_at\n"
KEYS = ["a-key-for-tests-only-0123456789abcdef"]


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


Meddle = Callable[[Any, str, Callable[[], object]], None]


@pytest.fixture
def before(monkeypatch: pytest.MonkeyPatch) -> Meddle:
    """Let something happen once, just before a step."""

    def meddle(module: Any, step: str, meanwhile: Callable[[], object]) -> None:
        real = getattr(module, step)

        def stepping(*args: Any, **options: Any) -> Any:
            monkeypatch.setattr(module, step, real)
            meanwhile()
            return real(*args, **options)

        monkeypatch.setattr(module, step, stepping)

    return meddle


def done_or_waiting(world: World, work: "Future[Any]", sign: Event | None = None) -> None:
    """Come back when somebody's work is done, or waits for what we hold, or has given a sign."""

    def waiting() -> bool:
        with world.engine.connect() as conn:
            query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            return work.done() or bool(sign and sign.is_set()) or bool(conn.execute(text(query)).all())

    wait_for(waiting)


def stop(world: World, subscriber_id: int) -> None:
    with world.engine.begin() as conn:
        find = text("SELECT public_id FROM subscribers WHERE id = :id")
        public_id = conn.execute(find, {"id": subscriber_id}).scalar_one()
        stop_all(conn, public_id, reason="one_click", now=NOON)


def test_who_signs_up_while_a_planner_waits_is_told_nothing_of_the_past(world: World, before: Meddle) -> None:
    world.person("ben", ASTHMA)
    people: list[int] = []

    def meanwhile() -> None:
        world.event(ASTHMA)
        people.append(world.person("anna", ASTHMA))

    before(planning, "claim_run", meanwhile)
    world.run("daily", NOON + days(1))
    later = world.event(ASTHMA)
    world.run("daily", NOON + days(2))
    assert world.told()[people[0]] == [later]


def test_leaving_does_not_wait_for_a_run_that_is_being_planned(
    world: World, before: Meddle, others: ThreadPoolExecutor
) -> None:
    anna = world.person("anna", ASTHMA)
    world.event(ASTHMA)
    before(planning, "close_range", lambda: others.submit(stop, world, anna).result(timeout=30))
    assert [plan.people for plan in world.run("daily", NOON + days(1))] == [1]


def test_an_erasure_does_not_break_the_run_that_is_being_planned(
    world: World, before: Meddle, others: ThreadPoolExecutor
) -> None:
    world.person("anna", ASTHMA)
    ben = world.person("ben", ASTHMA)
    event = world.event(ASTHMA)

    def erase() -> bool:
        with world.engine.begin() as conn:
            return erase_person(conn, b"anna", now=NOON)

    erasures: list[Future[bool]] = []

    def meanwhile() -> None:
        erasures.append(others.submit(erase))
        done_or_waiting(world, erasures[0])

    before(planning, "write_deliveries", meanwhile)
    world.run("daily", NOON + days(1))
    assert erasures[0].result(timeout=30)
    assert world.told()[ben] == [event]


def test_following_more_while_moving_and_while_a_run_is_planned_waits_in_no_circle(
    world: World, monkeypatch: pytest.MonkeyPatch, others: ThreadPoolExecutor
) -> None:
    anna = world.person("anna", ASTHMA)
    world.person("ben", ASTHMA, rhythm=WEEKLY)
    event = world.event(ASTHMA)
    real, runs = holding.hold_schedules, list[Future[Any]]()

    def hold(conn: Any, ids: set[int]) -> None:
        monkeypatch.setattr(holding, "hold_schedules", real if runs else planning_weekly)
        if not runs:
            with world.engine.begin() as other:
                monkeypatch.setattr(holding, "hold_schedules", real)
                reschedule(other, anna, WEEKLY, via="manage", now=NOON)
            monkeypatch.setattr(holding, "hold_schedules", planning_weekly)
        real(conn, ids)

    def planning_weekly(conn: Any, ids: set[int]) -> None:
        monkeypatch.setattr(holding, "hold_schedules", real)
        runs.append(others.submit(world.run, "weekly", NOON + days(7)))
        done_or_waiting(world, runs[0])
        real(conn, ids)

    monkeypatch.setattr(holding, "hold_schedules", hold)
    with world.engine.begin() as conn:
        follow(conn, anna, world.target(ECZEMA), reach=4, source="test", via="manage", now=NOON)
    runs[0].result(timeout=30)
    assert world.told()[anna] == [event]


def test_who_stops_while_a_file_is_imported_stays_stopped(
    world: World, before: Meddle, others: ThreadPoolExecutor, tmp_path: Path
) -> None:
    _import(world, tmp_path, "anna@example.org,,Asthma,,,2026-11-01\n")
    (anna,) = _ids(world)
    stopping: list[Future[None]] = []

    def meanwhile() -> None:
        stopping.append(others.submit(stop, world, anna))
        done_or_waiting(world, stopping[0])

    before(staging, "_add_people", meanwhile)
    _import(world, tmp_path, "anna@example.org,,Eczema,,,2026-11-02\n")
    stopping[0].result(timeout=30)
    world.event(ASTHMA, ECZEMA)
    world.run("daily", NOON + days(1))
    assert world.told() == {}


def test_who_moves_while_a_file_is_imported_is_not_told_twice(
    world: World, before: Meddle, others: ThreadPoolExecutor, tmp_path: Path
) -> None:
    _import(world, tmp_path, "anna@example.org,,Asthma,,,2026-11-01\n")
    (anna,) = _ids(world)
    events: list[int] = []
    runs: list[Future[Any]] = []
    matched, stored = Event(), Event()

    def move() -> None:
        with world.engine.begin() as conn:
            reschedule(conn, anna, WEEKLY, via="manage", now=NOON + days(1))
        world.run("weekly", NOON + days(8))
        events.append(world.event(ASTHMA))

    def start_a_run() -> None:
        before(planning, "close_range", lambda: (matched.set(), stored.wait(30)))
        runs.append(others.submit(world.run, "weekly", NOON + days(15)))
        done_or_waiting(world, runs[0], matched)

    def let_it_end() -> None:
        stored.set()
        done_or_waiting(world, runs[0])

    before(staging, "_lock_known_people", move)
    before(staging, "move_people", start_a_run)
    before(importing, "refresh_audiences", let_it_end)
    _import(world, tmp_path, "anna@example.org,,Eczema,,,2026-11-02\n")
    runs[0].result(timeout=30)
    world.run("weekly", NOON + days(22))
    assert world.told() == {anna: events}


def _import(world: World, folder: Path, line: str) -> None:
    path = folder / "people.csv"
    path.write_text(HEADER + line)
    import_subscribers(world.engine, path, settings=world.settings, keys=KEYS, now=NOON)


def _ids(world: World) -> list[int]:
    with world.engine.connect() as conn:
        return list(conn.execute(text("SELECT id FROM subscribers")).scalars())
