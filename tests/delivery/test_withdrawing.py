"""Stop, and undo: whatever was queued, sent or in between, each update comes once."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawing import stop_one, undo_all
from notifier.settings import Settings
from notifier.subscriptions.changing import follow
from notifier.subscriptions.schedules import Rhythm
from tests.delivery.post import AT, Post
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, condition, days

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")


@pytest.fixture
def post(engine: Engine, settings: Settings) -> Post:
    return Post(engine, settings)


def test_who_stops_and_undoes_at_once_gets_the_mail_that_was_queued(post: Post) -> None:
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    post.run("daily", AT)
    post.stop(anna)
    assert post.undo(anna) == "undone"
    post.send()
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(anna) == [("Asthma", event)]


def test_what_was_skipped_because_of_the_stop_comes_with_the_next_digest_and_what_came_meanwhile_too(
    post: Post,
) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.person("ben", ASTHMA)
    sent = post.event(ASTHMA)
    post.run("daily", AT)
    post.send()
    skipped = post.event(ASTHMA)
    post.run("daily", AT + days(1))
    post.stop(anna)
    post.send(AT + days(1))
    meanwhile = post.event(ECZEMA)
    post.run("daily", AT + days(2))
    assert post.undo(anna, AT + days(2)) == "undone"
    for day in (3, 4):
        post.run("daily", AT + days(day))
        post.send(AT + days(day))
    assert post.read(anna) == [("Asthma", sent), ("Asthma", skipped), ("Eczema", meanwhile)]
    post.stop(anna, AT + days(4))
    post.undo(anna, AT + days(4))
    post.run("daily", AT + days(5))
    post.send(AT + days(5))
    assert len(post.read(anna)) == 3


def test_for_who_hears_at_once_the_rest_of_what_was_held_back_comes_though_nothing_new_has_happened(
    post: Post,
) -> None:
    """It belongs to the run that they have had already. Others' mail must not wait for that either."""
    at_once = Rhythm("immediate", "UTC", 0)
    anna, ben = (
        post.person("anna", ASTHMA, ECZEMA, rhythm=at_once),
        post.person("ben", ASTHMA, rhythm=at_once),
    )
    event = post.event(ASTHMA)
    rest = post.event(ECZEMA)
    post.tick(AT)
    post.stop_one(anna, ASTHMA)
    assert [plan.people for plan in post.tick(AT + post.settings.quiet_interval)] == [1]
    post.send(AT + post.settings.quiet_interval)
    assert (post.read(anna), post.read(ben)) == ([("Eczema", rest)], [("Asthma", event)])


def test_a_later_digest_that_was_sent_before_an_earlier_one_is_not_sent_again(post: Post) -> None:
    """The first waits for its provider, the second gets through."""
    anna = post.person("anna", ASTHMA)
    first = post.event(ASTHMA)
    post.run("daily", AT)
    post.sql("UPDATE batches SET state = 'retrying', next_attempt_at = :later", later=AT + days(2))
    second = post.event(ASTHMA)
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    post.stop(anna, AT + days(1))
    post.send(AT + days(2))
    post.undo(anna, AT + days(2))
    post.run("daily", AT + days(3))
    post.send(AT + days(3))
    assert post.read(anna) == [("Asthma", second), ("Asthma", first)]


def test_mail_that_is_on_its_way_is_not_sent_again_after_an_undo(post: Post) -> None:
    anna = post.person("anna", ASTHMA)
    event = post.event(ASTHMA)
    post.run("daily", AT)
    claim_batches(post.engine, ScriptedProvider(), now=AT, limit=100)
    post.stop(anna)
    post.undo(anna)
    post.sql("UPDATE batches SET state = 'unknown'")
    post.run("daily", AT + days(1))
    post.sql("UPDATE batches SET state = 'accepted'")
    assert post.read(anna) == [("Asthma", event)]


def test_stopping_one_thing_takes_it_out_of_the_digest_that_is_queued(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    asthma, eczema = post.event(ASTHMA), post.event(ECZEMA)
    post.run("daily", AT)
    assert post.stop_one(anna, ASTHMA) == "stopped"
    assert post.stop_one(anna, ASTHMA) == "already"
    post.send()
    assert post.read(anna) == []
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(anna) == [("Eczema", eczema)]
    assert post.undo_one(anna, ASTHMA) == "undone"
    later = post.event(ASTHMA, ECZEMA)
    post.run("daily", AT + days(2))
    post.send(AT + days(2))
    assert post.read(anna)[1:] == [("Asthma", asthma), ("Asthma", later), ("Eczema", later)]


def test_a_digest_without_the_thing_that_was_stopped_goes_as_it_is(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    event = post.event(ECZEMA)
    post.run("daily", AT)
    post.stop_one(anna, ASTHMA)
    post.send()
    assert post.read(anna) == [("Eczema", event)]


def test_what_was_told_for_one_condition_is_not_told_again_for_another_that_is_back(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    post.stop_one(anna, ASTHMA)
    both, asthma = post.event(ASTHMA, ECZEMA), post.event(ASTHMA)
    post.run("daily", AT)
    post.send()
    post.undo_one(anna, ASTHMA)
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(anna) == [("Eczema", both), ("Asthma", asthma)]


def test_of_everything_stopped_one_thing_can_come_back_alone(post: Post) -> None:
    anna = post.person("anna", ASTHMA, ECZEMA)
    asthma, eczema = post.event(ASTHMA), post.event(ECZEMA)
    post.run("daily", AT)
    post.stop(anna)
    assert post.undo_one(anna, ECZEMA) == "undone"
    assert post.undo(anna) == "nothing"
    post.send()
    post.run("daily", AT + days(1))
    post.send(AT + days(1))
    assert post.read(anna) == [("Eczema", eczema)]
    assert post.undo_one(anna, ASTHMA) == "undone"
    post.run("daily", AT + days(2))
    post.send(AT + days(2))
    assert post.read(anna) == [("Eczema", eczema), ("Asthma", asthma)]


def test_undo_of_immediate_mail_does_not_wait_for_the_next_event(post: Post) -> None:
    anna = post.person("anna", ASTHMA, rhythm=Rhythm("immediate"))
    post.stop(anna, NOON)
    event = post.event(ASTHMA)
    post.tick(NOON + timedelta(minutes=1))
    post.undo(anna, NOON + timedelta(minutes=2))
    post.tick(NOON + timedelta(minutes=2))
    post.send()
    assert post.read(anna) == [("Asthma", event)]


def test_who_starts_anew_is_not_sent_what_was_queued_when_they_stopped(post: Post) -> None:
    anna = post.person("anna", ASTHMA)
    post.event(ASTHMA)
    post.run("daily", AT)
    post.stop(anna)
    with post.engine.begin() as conn:
        target = conn.execute(text("SELECT id FROM targets WHERE label = 'Asthma'")).scalar_one()
        follow(conn, anna, target, reach=4, source="page", via="manage", now=AT)
    post.send()
    post.run("daily", AT + days(1))
    assert post.read(anna) == []


def test_undo_has_its_time(post: Post) -> None:
    anna = post.person("anna", ASTHMA)
    assert post.undo(anna) == "nothing"
    post.stop(anna)
    assert post.undo(anna, AT + days(30) + timedelta(seconds=1)) == "too_late"
    assert post.undo_one(anna, ASTHMA, AT + days(31)) == "too_late"
    assert post.undo(anna, AT + days(30)) == "undone"
    assert post.undo_one(anna, ASTHMA) == "nothing"


@pytest.mark.parametrize("reason", ["complaint", "unsubscribed"])
def test_after_a_complaint_only_a_new_confirmation_helps(post: Post, reason: str) -> None:
    anna = post.person("anna", ASTHMA)
    post.stop(anna)
    post.sql(
        "INSERT INTO suppressions (email_key, reason, created_at) VALUES ('anna', :reason, now())",
        reason=reason,
    )
    assert post.undo(anna) == "new_consent_needed"
    post.sql("DELETE FROM suppressions")
    post.sql("UPDATE subscriptions SET ended_reason = :reason", reason=reason)
    assert post.undo(anna) == post.undo_one(anna, ASTHMA) == "new_consent_needed"
    assert post.sql("SELECT state FROM subscribers") == [("stopped",)]


def test_stopping_for_somebody_who_is_gone_is_no_error(post: Post) -> None:
    with post.engine.begin() as conn:
        assert stop_one(conn, UUID(int=1), 1, via="one_click", now=AT) == "unknown"
        with pytest.raises(LookupError):
            undo_all(conn, UUID(int=1), via="page", now=AT)
