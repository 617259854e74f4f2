"""Who is told what, and exactly once."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.links.keys import signing_keys
from notifier.settings import Settings
from notifier.subscriptions.changing import follow, reschedule, unfollow
from notifier.subscriptions.importing import import_subscribers
from notifier.subscriptions.schedules import Rhythm
from tests.world import NOON, World, condition, days, study_target

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
STUDY = study_target("NCT00000900")


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


def test_a_follower_is_told_once_and_nobody_else_is(world: World) -> None:
    anna, ben = world.person("anna", ASTHMA), world.person("ben", ECZEMA)
    first = world.event(ASTHMA, kind="new_study")
    world.run("daily", NOON + days(1))
    world.run("daily", NOON + days(2))
    assert world.told() == {anna: [first]}
    second = world.event(ASTHMA, ECZEMA, kind="new_study")
    world.run("daily", NOON + days(3))
    assert world.told() == {anna: [first, second], ben: [second]}


def test_nobody_is_told_of_what_came_before_they_confirmed(world: World) -> None:
    world.event(ASTHMA)
    anna = world.person("anna", ASTHMA)
    later = world.event(ASTHMA)
    world.run("daily", NOON + days(1))
    assert world.told() == {anna: [later]}


def test_the_same_run_is_planned_once(world: World) -> None:
    world.person("anna", ASTHMA)
    world.event(ASTHMA)
    assert [plan.people for plan in world.run("daily", NOON + days(1))] == [1]
    world.event(ASTHMA)
    assert world.run("daily", NOON + days(1)) == []


def test_one_digest_makes_up_for_all_missed_runs(world: World) -> None:
    anna = world.person("anna", ASTHMA)
    positions = [world.event(ASTHMA) for _ in range(3)]
    plans = world.run("daily", NOON + days(9))
    assert [plan.people for plan in plans] == [1]
    assert world.told() == {anna: positions}


def test_people_who_follow_the_same_share_one_edition(world: World) -> None:
    for name in ("anna", "ben", "carla"):
        world.person(name, ASTHMA)
    world.person("dora", ASTHMA, ECZEMA)
    world.event(ASTHMA)
    world.run("daily", NOON + days(1))
    world.event(ASTHMA)
    (plan,) = world.run("daily", NOON + days(2))
    assert (plan.people, plan.editions, plan.batches) == (4, 1, 1)


def test_a_study_that_matched_twice_is_one_event_with_both_reasons(world: World) -> None:
    anna = world.person("anna", ASTHMA, STUDY)
    position = world.event(ASTHMA, STUDY, nct_id="NCT00000900")
    world.run("daily", NOON + days(1))
    assert world.told() == {anna: [position]}


def test_narrower_conditions_can_be_left_out(world: World) -> None:
    broad, exact = world.person("broad", ASTHMA), world.person("exact", ASTHMA, reach=3)
    narrower = world.event(ASTHMA, evidence=4)
    world.run("daily", NOON + days(1))
    named = world.event(ASTHMA, evidence=1)
    world.run("daily", NOON + days(2))
    assert world.told() == {broad: [narrower, named], exact: [named]}


def test_a_change_of_frequency_neither_repeats_nor_drops(world: World) -> None:
    weekly = Rhythm("weekly", "UTC", 8, 1)
    anna = world.person("anna", ASTHMA)
    first = world.event(ASTHMA)
    world.run("daily", NOON + days(1))
    second = world.event(ASTHMA)
    with world.engine.begin() as conn:
        reschedule(conn, anna, weekly, via="manage", now=NOON + days(1))
    world.run("daily", NOON + days(2))
    world.run("weekly", NOON + days(8))
    third = world.event(ASTHMA)
    with world.engine.begin() as conn:
        reschedule(conn, anna, Rhythm("daily", "UTC", 8), via="manage", now=NOON + days(8))
    world.run("daily", NOON + days(9))
    world.run("weekly", NOON + days(15))
    assert world.told() == {anna: [first, second, third]}


def test_a_new_subscription_starts_where_it_was_confirmed(world: World) -> None:
    anna = world.person("anna", ASTHMA)
    own = world.event(ASTHMA)
    world.event(ECZEMA)
    with world.engine.begin() as conn:
        follow(conn, anna, world.target(ECZEMA), reach=4, source="test", via="manage", now=NOON)
    gained = world.event(ECZEMA)
    world.run("daily", NOON + days(1))
    assert world.told() == {anna: [own, gained]}


def test_what_was_left_is_not_told(world: World) -> None:
    anna = world.person("anna", ASTHMA, ECZEMA)
    world.event(ASTHMA)
    kept = world.event(ECZEMA)
    with world.engine.begin() as conn:
        unfollow(conn, anna, world.target(ASTHMA), reason="page", via="manage", now=NOON)
    world.run("daily", NOON + days(1))
    assert world.told() == {anna: [kept]}


def test_immediate_tells_the_first_at_once_and_gathers_the_rest(world: World) -> None:
    anna = world.person("anna", ASTHMA, rhythm=Rhythm("immediate"))
    first = world.event(ASTHMA)
    assert [plan.people for plan in world.run("immediate", NOON)] == [1]
    gathered = [world.event(ASTHMA), world.event(ASTHMA)]
    assert [plan.people for plan in world.run("immediate", NOON + timedelta(minutes=30))] == [0]
    assert [plan.people for plan in world.run("immediate", NOON + timedelta(minutes=61))] == [1]
    assert world.told() == {anna: [first, *gathered]}


def test_an_immediate_reader_who_hears_nothing_for_a_while_is_told_at_once_again(world: World) -> None:
    anna, ben = (world.person(name, ASTHMA, rhythm=Rhythm("immediate")) for name in ("anna", "ben"))
    first = world.event(ASTHMA)
    world.run("immediate", NOON)
    world.run("immediate", NOON + days(1))
    second = world.event(ASTHMA)
    assert [plan.people for plan in world.run("immediate", NOON + days(1))] == [2]
    assert world.told() == {anna: [first, second], ben: [first, second]}


def test_who_changes_to_immediate_need_not_wait_for_another_event(world: World) -> None:
    anna = world.person("anna", ASTHMA)
    waiting = world.event(ASTHMA)
    with world.engine.begin() as conn:
        reschedule(conn, anna, Rhythm("immediate"), via="manage", now=NOON)
    world.tick(NOON)
    assert world.told() == {anna: [waiting]}


def test_a_change_to_daily_and_back_does_not_cut_the_quiet_time_short(world: World) -> None:
    anna = world.person("anna", ASTHMA, rhythm=Rhythm("immediate"))
    first = world.event(ASTHMA)
    world.tick(NOON)
    for rhythm in (Rhythm("daily", "UTC", 8), Rhythm("immediate")):
        with world.engine.begin() as conn:
            reschedule(conn, anna, rhythm, via="manage", now=NOON + timedelta(minutes=5))
    second = world.event(ASTHMA)
    world.tick(NOON + timedelta(minutes=10))
    assert world.told() == {anna: [first]}
    world.tick(NOON + timedelta(minutes=60))
    assert world.told() == {anna: [first, second]}


def test_a_daily_digest_does_not_mind_the_quiet_time_of_an_immediate_mail(world: World) -> None:
    anna = world.person("anna", ASTHMA, rhythm=Rhythm("immediate"))
    first = world.event(ASTHMA)
    world.tick(NOON)
    second = world.event(ASTHMA)
    with world.engine.begin() as conn:
        reschedule(conn, anna, Rhythm("daily", "UTC", 12), via="manage", now=NOON - timedelta(minutes=1))
    world.tick(NOON + timedelta(minutes=10))
    assert world.told() == {anna: [first, second]}


def test_a_newcomer_with_an_older_range_has_nobody_else_told_again(world: World) -> None:
    anna = world.person("anna", ASTHMA)
    ben = world.person("ben", ASTHMA, rhythm=Rhythm("weekly", "UTC", 8, 1))
    first = world.event(ASTHMA)
    world.run("daily", NOON + days(1))
    with world.engine.begin() as conn:
        reschedule(conn, ben, Rhythm("daily", "UTC", 8), via="manage", now=NOON + days(1))
    second = world.event(ASTHMA)
    world.run("daily", NOON + days(2))
    assert world.told() == {anna: [first, second], ben: [first, second]}


def test_a_wish_added_by_a_file_starts_when_the_file_is_read(world: World, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    keys = signing_keys(world.settings)
    waiting = []
    for topic in ("Asthma", "Eczema"):
        path.write_text(
            f"email,study,condition,frequency,timezone,confirmed_at\nanna@example.org,,{topic},,,2026-11-01\n"
        )
        import_subscribers(world.engine, path, settings=world.settings, keys=keys, now=NOON)
        waiting.append(world.event(ASTHMA))
        waiting.append(world.event(ECZEMA))
    world.run("daily", NOON + days(1))
    assert list(world.told().values()) == [[waiting[0], *waiting[2:]]]
