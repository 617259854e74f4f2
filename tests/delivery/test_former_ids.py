"""Of two registrations that were made one: who follows the former id, or both, is as who follows the study."""

import pytest
from sqlalchemy import Engine

from notifier.delivery.explaining import explain
from notifier.delivery.story import study_story
from notifier.delivery.withdrawing import undo_one
from notifier.registry.positions import assign_positions
from notifier.settings import Settings
from notifier.subscriptions.former_ids import also_followed_as, same_study
from notifier.subscriptions.overview import overview
from tests.delivery.post import AT, Post
from tests.registry.samples import later, study, take
from tests.world import condition, days, study_target

PRESENT, FORMER = study_target("NCT01234567"), study_target("NCT00000009")
OF_BOTH = {"nctIdAliases": [FORMER.key], "studyFirstPostDateStruct": {"date": "2019-05-01", "type": "ACTUAL"}}


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    take(engine, study(**OF_BOTH))
    return Post(engine, settings)


def change(post: Post, status: str, posted: str = "2026-11-20", day: int = 0) -> None:
    take(post.engine, later(study(**OF_BOTH, overallStatus=status), posted, posted))
    with post.engine.begin() as conn:
        assign_positions(conn)
    post.run("daily", AT + days(day))


@pytest.mark.parametrize("link", [PRESENT, FORMER], ids=["present", "former"])
def test_one_link_stops_the_study_under_each_id_and_its_queued_mail(post: Post, link) -> None:
    cleo = post.person("cleo", PRESENT, FORMER, condition("Asthma"))
    change(post, "TERMINATED")
    assert post.stop_one(cleo, link) == "stopped"
    post.send(AT)
    change(post, "COMPLETED", "2026-11-24", day=1)
    post.send(AT + days(1))
    assert post.read(cleo) == []
    assert post.stop_one(cleo, link) == "already"


def test_what_was_stopped_under_both_ids_and_undone_comes_once(post: Post) -> None:
    cleo = post.person("cleo", PRESENT, FORMER)
    change(post, "TERMINATED")
    post.stop_one(cleo, FORMER)
    find = """SELECT u.public_id FROM subscriptions u JOIN targets t ON t.id = u.target_id
              WHERE t.key = :key"""
    [(subscription,)] = post.sql(find, key=FORMER.key)
    with post.engine.begin() as conn:
        assert undo_one(conn, post.public_id(cleo), subscription, via="page", now=AT) == "undone"
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(cleo) == [(FORMER.key, 1)]


def test_a_stopped_condition_ends_nothing_else_that_an_event_was_about(post: Post) -> None:
    gout = condition("Gout")
    dora = post.person("dora", gout, PRESENT)
    post.event(gout, PRESENT)
    assert post.stop_one(dora, gout) == "stopped"
    assert post.sql("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL") == [(1,)]


def test_who_follows_the_former_id_sees_the_study_and_what_is_offered_at_its_end(post: Post) -> None:
    ben = post.person("ben", FORMER)
    change(post, "COMPLETED")
    with post.engine.connect() as conn:
        seen = overview(conn, post.public_id(ben), now=AT)
    assert seen
    [followed] = seen.subscriptions
    assert (followed.label, followed.is_over) == ("Tea for Tired Eyes", True)
    assert followed.offers == ("Dry Eye", "Eye Strain")


def test_a_trace_by_the_former_id_finds_the_study(post: Post) -> None:
    ben = post.person("ben", FORMER)
    change(post, "TERMINATED")
    post.send(AT)
    with post.engine.connect() as conn:
        assert study_story(conn, FORMER.key) == study_story(conn, PRESENT.key) != []
        [(key,)] = post.sql("SELECT email_key FROM subscribers WHERE id = :id", id=ben)
        [event] = explain(conn, key, FORMER.key, now=AT)
        assert "In a mail that is accepted" in event["words"]


def test_an_operator_who_withdraws_a_study_hears_of_its_other_id_while_somebody_follows_it(
    post: Post,
) -> None:
    post.person("anna", PRESENT)
    post.person("ben", FORMER)
    change(post, "TERMINATED")
    [(present,)] = post.sql("SELECT id FROM targets WHERE key = :key", key=PRESENT.key)
    with post.engine.connect() as conn:
        assert len(same_study(conn, present)) == 2
        assert also_followed_as(conn, present) == [FORMER.key]
    post.sql(
        "UPDATE subscriptions SET ended_at = now(), ended_reason = 'page' WHERE target_id <> :id", id=present
    )
    with post.engine.connect() as conn:
        assert also_followed_as(conn, present) == []
