"""Who undoes and pauses hears each thing once, however long ago it was told: the ledger keeps what that needs."""

from datetime import datetime

import pytest
from sqlalchemy import Engine

from notifier.ops.retention import retain
from notifier.settings import Settings
from notifier.subscriptions.changing import pause
from notifier.subscriptions.schedules import Rhythm
from tests.delivery.post import Post
from tests.world import NOON, condition, days

ASTHMA, GOUT, MIGRAINE = condition("Asthma"), condition("Gout"), condition("Migraine")
A_YEAR_ON = NOON + days(368)


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    """Anna follows three things. While she has stopped one of them, the first is told, and nothing of the other."""
    post = Post(engine, settings)
    anna = post.person("anna", ASTHMA, GOUT, MIGRAINE)
    assert anna == 1
    post.person("ben", condition("Eczema"))
    post.stop_one(1, GOUT, now=NOON)
    post.event(GOUT)
    post.event(ASTHMA)
    out(post, NOON + days(1))
    assert post.read(1) == [("Asthma", 2)]
    return post


def out(post: Post, now: datetime) -> None:
    post.tick(now)
    post.send(now)
    post.sql("UPDATE batches SET ended_at = :now WHERE state = 'accepted' AND ended_at IS NULL", now=now)


def upkeep(post: Post, now: datetime, **settings: int) -> None:
    retain(post.engine, post.settings.model_copy(update=settings), clock=lambda: now)


def deliveries(post: Post) -> list[tuple[object, ...]]:
    return post.sql("SELECT id FROM deliveries WHERE subscriber_id = 1 ORDER BY batch_id")


def rest(post: Post, until: datetime = A_YEAR_ON) -> None:
    """She undoes it, and pauses for a year: what she missed waits for so long, and what she was told lies in it."""
    assert post.undo_one(1, GOUT, now=NOON + days(2)) == "undone"
    with post.engine.begin() as conn:
        pause(conn, 1, until, via="manage", now=NOON + days(2))


def test_what_was_told_before_a_long_pause_is_not_told_after_it(post: Post):
    rest(post)
    out(post, NOON + days(300))
    upkeep(post, NOON + days(300))
    out(post, NOON + days(369))
    assert post.read(1) == [("Asthma", 2), ("Gout", 1)]


def test_nor_when_the_first_digest_after_it_is_held_back(post: Post):
    rest(post)
    post.event(MIGRAINE)
    post.tick(NOON + days(369))
    upkeep(post, NOON + days(369))
    post.stop_one(1, MIGRAINE, now=NOON + days(369))
    out(post, NOON + days(370))
    assert post.read(1) == [("Asthma", 2), ("Gout", 1)]


def test_nor_when_it_is_held_back_after_it_has_waited_for_long(post: Post):
    """An operator has paused its run for most of a year."""
    rest(post, NOON + days(100))
    post.event(MIGRAINE)
    post.tick(NOON + days(101))
    upkeep(post, NOON + days(395))
    post.stop_one(1, MIGRAINE, now=NOON + days(395))
    out(post, NOON + days(396))
    assert post.read(1) == [("Asthma", 2), ("Gout", 1)]


def test_nor_after_all_was_stopped_and_taken_back(post: Post):
    rest(post)
    post.stop(1, now=NOON + days(300))
    upkeep(post, NOON + days(310))
    assert post.undo(1, NOON + days(311)) == "undone"
    out(post, NOON + days(369))
    assert post.read(1) == [("Asthma", 2), ("Gout", 1)]


@pytest.mark.parametrize("stops", [False, True])
def test_what_nobody_has_told_her_yet_is_kept_though_others_have_long_been_past_it(post: Post, stops: bool):
    rest(post)
    if stops:
        post.stop(1, now=NOON + days(290))
    upkeep(post, NOON + days(300), keep_events_days=32)
    if stops:
        assert post.undo(1, NOON + days(301)) == "undone"
    out(post, NOON + days(369))
    assert post.read(1) == [("Asthma", 2), ("Gout", 1)]


def test_an_edition_stays_while_later_mail_uses_it(post: Post):
    carla = post.person("carla", condition("Eczema"), rhythm=Rhythm("weekly", "UTC", 8, 5))
    news = post.event(condition("Eczema"))
    for day in range(2, 9):
        out(post, NOON + days(day))
    upkeep(post, NOON + days(184))
    assert (post.read(2), post.read(carla)) == ([], [("Eczema", news)])


def test_nor_while_an_old_digest_that_was_held_back_is_still_there(post: Post):
    """Its run was paused by an operator for months; what it would have told came with the next one."""
    post.event(ASTHMA)
    post.event(MIGRAINE)
    post.tick(NOON + days(2))
    post.sql("UPDATE runs SET paused_at = now() WHERE id = (SELECT max(id) FROM runs)")
    post.stop_one(1, MIGRAINE, now=NOON + days(2))
    out(post, NOON + days(3))
    told = [("Asthma", 2), ("Asthma", 3)]
    assert post.read(1) == told
    later = NOON + days(150)
    post.sql("UPDATE batches SET state = 'dropped', ended_at = :now WHERE ended_at IS NULL", now=later)
    out(post, NOON + days(250))
    upkeep(post, NOON + days(250))
    before = deliveries(post)
    post.stop_one(1, ASTHMA, now=NOON + days(251))
    assert post.undo_one(1, ASTHMA, now=NOON + days(252)) == "undone"
    out(post, NOON + days(253))
    assert deliveries(post) == before


def test_when_nobody_can_be_told_of_it_any_more_it_goes(post: Post):
    rest(post)
    out(post, NOON + days(369))
    out(post, NOON + days(700))
    upkeep(post, NOON + days(700))
    assert post.sql("SELECT count(*) FROM deliveries") == [(0,)]
    assert post.sql("SELECT study, count(*) FROM change_events GROUP BY 1") == [({}, 2)]
    assert post.event(ASTHMA) == 3
