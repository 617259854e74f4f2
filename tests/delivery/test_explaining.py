"""Why did this person get, or not get, what is new about this study? Answered in one sentence."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from notifier.delivery.explaining import explain
from notifier.delivery.story import study_story
from notifier.settings import Settings
from tests.delivery.office import Clock, Office
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, condition, days

ASTHMA = condition("Asthma")
STUDY = "NCT01234567"
LATER = NOON + days(2)


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


def why(world: World, name: str = "anna", nct_id: str = STUDY) -> list[str]:
    with world.engine.connect() as conn:
        return [one["words"] for one in explain(conn, name.encode(), nct_id, now=LATER)]


def change(world: World, statement: str, **bind: object) -> None:
    with world.engine.begin() as conn:
        conn.execute(text(statement), bind)


def test_who_got_it_is_led_to_the_mail(world: World):
    world.person("anna", ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    world.run("daily", NOON + days(1))
    assert why(world) == ["In a mail that is planned."]


def test_who_follows_something_else(world: World):
    world.person("anna", condition("Dry Eye"))
    world.event(ASTHMA, nct_id=STUDY)
    assert why(world) == ["They follow nothing that this is about."]


def test_who_came_too_late(world: World):
    world.event(ASTHMA, nct_id=STUDY)
    world.person("anna", ASTHMA)
    assert why(world) == ["They began to follow the condition “Asthma” after it, on 2026-11-22."]


def test_who_had_stopped(world: World):
    world.person("anna", ASTHMA)
    change(world, "UPDATE subscriptions SET ended_at = now() - interval '2 days'")
    world.event(ASTHMA, nct_id=STUDY)
    (answer,) = why(world)
    assert answer.startswith("They had stopped following the condition “Asthma” on ")


def test_who_stopped_before_the_run_waits_for_none(world: World):
    world.person("anna", ASTHMA, condition("Gout"))
    world.event(ASTHMA, nct_id=STUDY)
    change(world, "UPDATE subscriptions SET ended_at = :at WHERE target_id = 1", at=LATER)
    assert why(world) == [
        "They stopped following the condition “Asthma” on 2026-11-24, before a mail told them."
    ]


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("suppressed", "their address was on the do-not-mail list."),
        ("stopped", "they had stopped all mail, or all they followed."),
        ("changed", "they had stopped following what it is about."),
        ("no words for this one", "no words for this one."),
    ],
)
def test_who_was_left_out_of_the_mail_is_told_why(world: World, reason: str, said: str):
    world.person("anna", ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    world.run("daily", NOON + days(1))
    change(world, "UPDATE deliveries SET state = 'skipped', reason = :reason", reason=reason)
    assert why(world) == [f"They were left out of the mail: {said}"]


def test_who_wants_that_condition_alone(world: World):
    world.person("anna", ASTHMA, reach=3)
    world.event(ASTHMA, nct_id=STUDY, evidence=4)
    (answer,) = why(world)
    assert (
        answer
        == "It is about a special kind of the condition “Asthma”, and they asked for that condition alone."
    )


def test_who_only_has_to_wait(world: World):
    world.person("anna", ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    assert why(world) == ["It waits for their next daily run, due 23 Nov 2026, 08:00 UTC."]
    change(world, "UPDATE subscribers SET paused_until = :at", at=LATER + timedelta(hours=3))
    assert why(world) == ["It waits until their mail rests no more, on 24 Nov 2026, 15:00 UTC."]


def test_whose_address_must_not_be_mailed(world: World):
    world.person("anna", ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    change(
        world, "INSERT INTO suppressions (email_key, reason, created_at) VALUES ('anna', 'bounced', now())"
    )
    assert why(world) == ["Their address is on the do-not-mail list (bounced)."]


def test_nobody_and_nothing_have_no_answer(world: World):
    world.person("anna", ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    assert why(world, name="ben") == []
    assert why(world, nct_id="NCT00000009") == []


def test_a_study_s_people_are_counted_by_what_became_of_their_mail(world: World):
    for name in ("anna", "ben", "carla", "dora"):
        world.person(name, ASTHMA)
    world.event(ASTHMA, nct_id=STUDY)
    world.run("daily", NOON + days(1))
    office = Office(world, ScriptedProvider(), Clock())
    office.send()
    for state in ("bounced", "failed", "delivered"):
        one = "(SELECT id FROM deliveries WHERE state IS NULL LIMIT 1)"
        change(world, f"UPDATE deliveries SET state = '{state}' WHERE id = {one}")
    with world.engine.connect() as conn:
        (event,) = study_story(conn, STUDY)
    assert (event["targets"], event["editions"]) == (1, 1)
    assert event["deliveries"] == {"accepted": 2, "bounced": 1, "failed": 1}
