"""Pause, broader or narrower, titles, and the page that shows it all."""

from datetime import timedelta

import pytest

from notifier.digests.runs import schedules_due
from notifier.subscriptions.changing import (
    pause,
    reschedule,
    resume,
    set_locale,
    set_reach,
    set_titles,
    try_address_again,
    unfollow,
)
from notifier.subscriptions.schedules import Rhythm
from notifier.subscriptions.stopping import stop_all
from tests.subscriptions.desk import Desk
from tests.world import NOON, condition, days

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
HOUR = timedelta(hours=1)


def do(desk: Desk, verb, person, *args, now=NOON, **more):
    with desk.world.engine.begin() as conn:
        return verb(conn, desk.id(person), *args, via="manage", now=now, **more)


def told(desk: Desk, person) -> list[int]:
    return desk.world.told().get(desk.id(person), [])


def test_a_pause_keeps_everything_for_the_first_digest_after_it(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    do(desk, pause, person, NOON + days(3))
    events = [desk.world.event(ASTHMA)]
    desk.world.run("daily", NOON + days(1))
    events.append(desk.world.event(ASTHMA))
    desk.world.run("daily", NOON + days(2))
    assert told(desk, person) == []
    assert desk.page(person, NOON + days(2)).paused_until == NOON + days(3)
    desk.world.run("daily", NOON + days(4))
    assert told(desk, person) == events
    assert desk.page(person, NOON + days(4)).paused_until is None
    assert desk.sql("SELECT count(*) FROM deliveries") == [(1,)]


def test_who_gets_mail_at_once_gets_it_when_the_pause_ends_though_nothing_new_came(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", frequency="immediate")
    do(desk, pause, person, NOON + HOUR)
    event = desk.world.event(ASTHMA)
    desk.world.tick(NOON + timedelta(minutes=1))
    with desk.world.engine.connect() as conn:
        assert schedules_due(conn, NOON + timedelta(minutes=2)) == []
    desk.world.tick(NOON + HOUR)
    assert told(desk, person) == [event]
    with desk.world.engine.connect() as conn:
        assert schedules_due(conn, NOON + HOUR) == []


def test_ending_a_pause_early_brings_what_waited_now(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", frequency="immediate")
    do(desk, pause, person, NOON + days(90))
    event = desk.world.event(ASTHMA)
    desk.world.tick(NOON + HOUR)
    do(desk, resume, person, now=NOON + 2 * HOUR)
    assert desk.page(person, NOON + 2 * HOUR).paused_until is None
    desk.world.tick(NOON + 2 * HOUR)
    assert told(desk, person) == [event]


def test_ending_a_pause_early_does_not_end_the_quiet_after_a_mail(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", frequency="immediate")
    first = desk.world.event(ASTHMA)
    desk.world.tick(NOON)
    do(desk, pause, person, NOON + days(1))
    second = desk.world.event(ASTHMA)
    do(desk, resume, person, now=NOON + HOUR / 2)
    desk.world.tick(NOON + HOUR / 2)
    assert told(desk, person) == [first]
    desk.world.tick(NOON + HOUR)
    assert told(desk, person) == [first, second]


def test_a_pause_goes_along_to_another_rhythm(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    do(desk, pause, person, NOON + days(2))
    do(desk, reschedule, person, Rhythm("immediate"))
    event = desk.world.event(ASTHMA)
    desk.world.tick(NOON + HOUR)
    assert told(desk, person) == []
    desk.world.tick(NOON + days(2))
    assert told(desk, person) == [event]


@pytest.mark.parametrize("until", [NOON, NOON - days(1), NOON + days(400)])
def test_a_pause_has_an_end_in_sight(desk: Desk, until) -> None:
    person = desk.join("anna", "Asthma")
    with pytest.raises(ValueError, match="a year at most"):
        do(desk, pause, person, until)


def test_who_wants_to_hear_of_more_is_not_told_of_the_past_and_loses_nothing(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    subscription = desk.page(person).active[0].public_id
    assert do(desk, set_reach, person, subscription, 3)
    assert not do(desk, set_reach, person, subscription, 3)
    exact = desk.world.event(ASTHMA, evidence=1)
    desk.world.event(ASTHMA, evidence=4)
    assert do(desk, set_reach, person, subscription, 4)
    broader = desk.world.event(ASTHMA, evidence=4)
    desk.world.run("daily", NOON + days(1))
    assert told(desk, person) == [exact, broader]


def test_who_wants_to_hear_of_less_hears_of_the_rest_once(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    before = desk.world.event(ASTHMA, evidence=4)
    desk.world.run("daily", NOON + days(1))
    waiting = desk.world.event(ASTHMA, evidence=3)
    desk.world.event(ASTHMA, evidence=4)
    do(desk, set_reach, person, desk.page(person).active[0].public_id, 3)
    desk.world.run("daily", NOON + days(2))
    assert told(desk, person) == [before, waiting]


def test_titles_in_the_subject_are_off_until_somebody_wants_them(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    assert not desk.page(person).titles_in_subject
    do(desk, set_titles, person, True)
    do(desk, set_titles, person, True)
    assert desk.page(person).titles_in_subject
    assert desk.sql("SELECT count(*) FROM subscription_changes WHERE action = 'titles'") == [(1,)]


def test_the_language_of_the_mails_is_the_one_that_was_chosen_last(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    assert desk.page(person).locale == "en"
    do(desk, set_locale, person, "pt-BR")
    do(desk, set_locale, person, "pt-BR")
    assert desk.page(person).locale == "pt-BR"
    assert desk.sql("SELECT count(*) FROM subscription_changes WHERE action = 'language'") == [(1,)]


def test_every_change_leaves_a_line_in_the_audit_trail(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", "Eczema")
    do(desk, pause, person, NOON + days(1))
    do(desk, resume, person)
    do(desk, set_reach, person, desk.page(person).active[0].public_id, 3)
    do(desk, reschedule, person, Rhythm("weekly", "UTC", 8, 1))
    do(desk, unfollow, person, desk.world.target(ECZEMA), reason="manage")
    with desk.world.engine.begin() as conn:
        stop_all(conn, person, reason="one_click", now=NOON)
    trail = dict.fromkeys(desk.sql("SELECT action, via FROM subscription_changes ORDER BY id"))
    assert list(trail) == [
        ("confirm", "confirm"),
        ("pause", "manage"),
        ("resume", "manage"),
        ("reach", "manage"),
        ("frequency", "manage"),
        ("stop", "manage"),
        ("stop_all", "one_click"),
    ]


def test_people_who_are_gone_are_named_as_gone(desk: Desk) -> None:
    with desk.world.engine.begin() as conn, pytest.raises(LookupError):
        pause(conn, 4711, NOON + days(1), via="manage", now=NOON)


def test_the_page_shows_what_stands_first_and_what_ended_lately_after_it(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", "Eczema", "Gout", study="NCT00000001")
    do(desk, unfollow, person, desk.world.target(ECZEMA), reason="manage", now=NOON)
    do(desk, unfollow, person, desk.world.target(condition("Gout")), reason="complaint", now=NOON + HOUR)
    shown = [
        (f.label, f.kind, bool(f.ended_at), f.can_undo)
        for f in desk.page(person, NOON + days(1)).subscriptions
    ]
    assert shown == [
        ("NCT00000001", "study", False, False),
        ("Asthma", "condition", False, False),
        ("Gout", "condition", True, False),
        ("Eczema", "condition", True, True),
    ]
    assert [f.label for f in desk.page(person, NOON + days(31)).subscriptions] == ["NCT00000001", "Asthma"]


def test_who_says_that_mail_arrives_again_gets_it_again(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    add = "INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, :reason, now())"
    for reason, lifted in (
        ("bounced", True),
        ("soft bounces", True),
        ("complaint", False),
        ("operator", False),
    ):
        desk.sql("DELETE FROM suppressions")
        desk.sql(add, key=desk.key("anna"), reason=reason)
        assert do(desk, try_address_again, person) is lifted
        assert desk.page(person).suppression == (None if lifted else reason)
