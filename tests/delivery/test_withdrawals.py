"""An operator withdraws a target: nobody follows it any more, as if each of them had stopped it."""

import pytest
from sqlalchemy import Engine, text

from notifier.delivery.corrections import PlannedCorrection, plan_correction
from notifier.delivery.readers import Readers, of_editions, of_withdrawal
from notifier.delivery.withdrawals import (
    Withdrawn,
    condition_target_id,
    count_followers,
    study_target_id,
    withdraw_target,
)
from notifier.errors import NotifierError
from notifier.settings import Settings
from notifier.subscriptions.changing import follow
from notifier.subscriptions.overview import overview
from notifier.subscriptions.personal_data import export_person
from notifier.subscriptions.schedules import Rhythm
from tests.delivery.post import AT, Post
from tests.world import condition, days, study_target

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
REASON = "This was listed by mistake."
CORRECTED = "SELECT subscriber_id FROM delivery_states WHERE mail = 'correction' AND state = 'accepted'"


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    return Post(engine, settings)


def withdraw(post: Post, ref=ASTHMA, reason: str = REASON, now=AT) -> Withdrawn:
    return withdraw_target(
        post.engine,
        post.target(ref),
        reason,
        actor="command line",
        note="the record was a test",
        clock=lambda: now,
    )


def tell(post: Post, readers: Readers, now=AT) -> PlannedCorrection:
    return plan_correction(
        post.engine,
        readers,
        "It was listed by mistake.",
        with_doubt=False,
        actor="command line",
        note="why",
        now=now,
        settings=post.settings,
    )


def told_by(post: Post, ref) -> Readers:
    with post.engine.connect() as conn:
        return of_withdrawal(conn, post.target(ref))


def count(post: Post, ref=ASTHMA) -> Withdrawn:
    with post.engine.connect() as conn:
        return count_followers(conn, post.target(ref))


def page_of(post: Post, id_: int):
    with post.engine.connect() as conn:
        found = overview(conn, post.public_id(id_), now=AT)
    assert found is not None
    return found


def next_day(post: Post, day: int) -> None:
    post.run("daily", AT + days(day))
    post.send(AT + days(day))


def test_nobody_follows_it_any_more_and_what_else_they_follow_goes_on(post: Post) -> None:
    anna, ben, carla = (
        post.person("anna", ASTHMA, ECZEMA),
        post.person("ben", ASTHMA),
        post.person("carla", ECZEMA),
    )
    assert count(post) == Withdrawn(2, 1, 0)
    assert withdraw(post) == Withdrawn(2, 1, 0)
    assert count(post) == Withdrawn(0, 0, 0)
    post.event(ASTHMA)
    news = post.event(ECZEMA)
    next_day(post, 0)
    assert [post.read(id_) for id_ in (anna, ben, carla)] == [[("Eczema", news)], [], [("Eczema", news)]]
    assert post.sql("SELECT actor, action, subject, note FROM operator_actions") == [
        ("command line", "target_withdrawn", f"target {post.target(ASTHMA)}", "the record was a test")
    ]
    trail = "SELECT subscriber_id, action, via FROM subscription_changes ORDER BY 1"
    assert post.sql(trail) == [(anna, "withdrawn", "operator"), (ben, "withdrawn", "operator")]


def test_people_read_why_on_their_page_and_in_their_data(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    withdraw(post)
    asthma, eczema = sorted(page_of(post, anna).subscriptions, key=lambda one: one.label)
    assert (asthma.why, asthma.can_undo, eczema.why) == (REASON, True, None)
    with post.engine.connect() as conn:
        held = export_person(conn, b"anna")
    assert held is not None
    assert [one["why"] for one in held["subscriptions"]] == [REASON, None]


def test_a_later_withdrawal_has_its_own_reason(post: Post) -> None:
    anna = post.person("anna", ASTHMA)
    withdraw(post)
    ben = post.person("ben", ASTHMA)
    withdraw(post, reason="It was listed twice.", now=AT + days(1))
    assert [page_of(post, id_).subscriptions[0].why for id_ in (anna, ben)] == [
        REASON,
        "It was listed twice.",
    ]


def test_a_queued_digest_about_it_is_held_back_and_the_rest_of_it_comes_next(post: Post) -> None:
    anna, carla = post.person("anna", ASTHMA, ECZEMA), post.person("carla", ECZEMA)
    post.event(ASTHMA)
    news = post.event(ECZEMA)
    post.run("daily", AT)
    assert count(post).held_back == 1
    assert withdraw(post).held_back == 1
    post.send()
    assert (post.read(anna), post.read(carla)) == ([], [("Eczema", news)])
    next_day(post, 1)
    next_day(post, 2)
    assert (post.read(anna), post.read(carla)) == ([("Eczema", news)], [("Eczema", news)])


def test_for_who_hears_at_once_the_rest_is_due_now(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA, rhythm=Rhythm("immediate", "UTC", 0))
    post.event(ASTHMA)
    news = post.event(ECZEMA)
    post.tick(AT)
    withdraw(post)
    post.tick(AT + post.settings.quiet_interval)
    post.send(AT + post.settings.quiet_interval)
    assert post.read(anna) == [("Eczema", news)]


def test_who_takes_it_back_has_missed_nothing_and_reads_nothing_twice(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    told = post.event(ASTHMA)
    next_day(post, 0)
    queued, other = post.event(ASTHMA), post.event(ECZEMA)
    post.run("daily", AT + days(1))
    withdraw(post, now=AT + days(1))
    next_day(post, 2)
    meanwhile = post.event(ASTHMA)
    next_day(post, 3)
    assert post.undo_one(anna, ASTHMA, AT + days(3)) == "undone"
    for day in (4, 5):
        next_day(post, day)
    assert post.read(anna) == [
        ("Asthma", told),
        ("Eczema", other),
        ("Asthma", queued),
        ("Asthma", meanwhile),
    ]
    assert page_of(post, anna).subscriptions[0].why is None


def test_who_had_stopped_everything_and_takes_that_back_does_not_get_what_was_withdrawn_since(
    post: Post,
) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.stop(anna)
    withdraw(post, now=AT + days(1))
    assert post.undo(anna, AT + days(2)) == "undone"
    post.event(ASTHMA)
    news = post.event(ECZEMA)
    next_day(post, 3)
    assert post.read(anna) == [("Eczema", news)]


def test_who_had_stopped_it_before_keeps_their_own_reason(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.stop_one(anna, ASTHMA)
    assert withdraw(post).people == 0
    assert page_of(post, anna).subscriptions[-1].why is None


def test_asked_for_twice_it_is_done_once(post: Post) -> None:
    post.person("anna", ASTHMA)
    withdraw(post)
    assert withdraw(post, now=AT + days(1)).people == 0
    assert post.sql("SELECT count(*) FROM withdrawals") == [(1,)]
    assert post.sql("SELECT count(*) FROM operator_actions") == [(1,)]


def test_a_second_withdrawal_for_the_same_reason_is_one_of_its_own(post: Post) -> None:
    anna, ben = post.person("anna", ASTHMA), post.person("ben", ECZEMA)
    withdraw(post)
    for id_ in (anna, ben):
        with post.engine.begin() as conn:
            follow(conn, id_, post.target(ASTHMA), reach=4, source="page", via="page", now=AT + days(9))
    post.stop(ben, now=AT + days(10))
    assert withdraw(post, now=AT + days(11)).people == 1
    assert post.sql("SELECT at FROM withdrawals ORDER BY id") == [(AT,), (AT + days(11),)]
    assert post.undo(ben, now=AT + days(12)) == "undone"
    followed = "SELECT subscriber_id, target_id FROM subscriptions WHERE ended_at IS NULL"
    assert post.sql(followed) == [(ben, post.target(ECZEMA))]


def test_the_mail_that_tells_is_for_those_of_the_last_withdrawal_that_ended_something(post: Post) -> None:
    anna, ben = post.person("anna", ASTHMA), post.person("ben", ASTHMA, ECZEMA)
    withdraw(post)
    post.undo_one(ben, ASTHMA, AT + days(1))
    withdraw(post, now=AT + days(2))
    assert told_of(post) == [ben]
    post.undo_one(ben, ASTHMA, AT + days(3))
    post.stop_one(ben, ASTHMA, AT + days(4))
    withdraw(post, now=AT + days(5))
    assert told_of(post) == [anna]


def told_of(post: Post) -> list[int]:
    with post.engine.connect() as conn:
        readers = of_withdrawal(conn, post.target(ASTHMA))
        return list(conn.execute(text(readers.rows), readers.bind).scalars())


def test_it_can_be_followed_anew(post: Post) -> None:
    """By who asks for it again, knowing that it was withdrawn: from then on."""
    anna = post.person("anna", ASTHMA)
    withdraw(post)
    post.event(ASTHMA)
    with post.engine.begin() as conn:
        follow(conn, anna, post.target(ASTHMA), reach=4, source="page", via="page", now=AT)
    later = post.event(ASTHMA)
    next_day(post, 1)
    assert post.read(anna) == [("Asthma", later)]


def test_one_mail_can_tell_them_and_only_them(post: Post) -> None:
    """Also those who follow nothing any more; not those who took it back, or stopped by themselves."""
    anna, ben, carla, dora = (post.person(name, ASTHMA) for name in ("anna", "ben", "carla", "dora"))
    post.stop_one(dora, ASTHMA)
    with post.engine.connect() as conn, pytest.raises(NotifierError, match="not been withdrawn"):
        of_withdrawal(conn, post.target(ASTHMA))
    withdraw(post)
    post.undo_one(ben, ASTHMA)
    post.stop(carla)
    planned = tell(post, told_by(post, ASTHMA))
    assert (planned.people, planned.stopped) == (2, 1)
    post.send()
    assert post.sql(CORRECTED) == [(anna,)]


def test_who_is_withdrawn_from_twice_is_told_twice_though_in_the_same_words(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    for number, ref in enumerate((ASTHMA, ECZEMA), 1):
        withdraw(post, ref)
        planned = tell(post, told_by(post, ref))
        assert (planned.people, planned.run) == (1, f"correction/{number}")
    assert post.sql("SELECT subscriber_id, count(*) FROM deliveries GROUP BY 1") == [(anna, 2)]


def test_who_stopped_the_last_thing_themselves_gets_no_correction_though_something_was_withdrawn_before(
    post: Post,
) -> None:
    anna, ben = post.person("anna", ASTHMA, ECZEMA), post.person("ben", ASTHMA, ECZEMA)
    withdraw(post)
    post.event(ECZEMA)
    next_day(post, 0)
    post.stop_one(ben, ECZEMA, now=AT + days(1))
    withdraw(post, ECZEMA, now=AT + days(2))
    with post.engine.connect() as conn:
        readers = of_editions(conn, [1])
    planned = tell(post, readers, now=AT + days(3))
    assert (planned.people, planned.stopped) == (2, 1)
    post.send(AT + days(3))
    assert post.sql(CORRECTED) == [(anna,)]


def test_a_target_is_found_by_its_name_however_it_is_written(post: Post) -> None:
    ids = [post.target(condition("Head and Neck Cancer")), post.target(study_target("NCT00000001"))]
    with post.engine.connect() as conn:
        assert [
            condition_target_id(conn, " HEAD AND NECK cancer"),
            study_target_id(conn, "nct00000001"),
        ] == ids
        for find in (lambda: condition_target_id(conn, "Gout"), lambda: study_target_id(conn, "NCT1")):
            with pytest.raises(NotifierError, match="not known"):
                find()
        with pytest.raises(NotifierError, match="no condition"):
            condition_target_id(conn, "?")


def test_a_reason_that_must_not_stand_on_a_page_is_refused_before_anything_is_done(post: Post) -> None:
    post.person("anna", ASTHMA)
    with pytest.raises(NotifierError):
        withdraw(post, reason="see www.example.org")
    assert count(post).people == 1
