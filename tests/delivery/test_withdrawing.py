"""Stop, and undo: whatever was queued, sent or in between, each update comes once."""

from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from notifier.delivery import planning, unwanted
from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawing import stop_one, undo_all, undo_one
from notifier.settings import Settings
from notifier.subscriptions.changing import follow
from notifier.subscriptions.stopping import stop_all
from tests.delivery.scripted import ScriptedProvider
from tests.waiting import wait_for
from tests.world import NOON, World, condition, days

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
AT = NOON + days(1)


class Post(World):
    """A world in which mail is really claimed; what was accepted can be read."""

    def public_id(self, id_: int) -> UUID:
        return self.sql("SELECT public_id FROM subscribers WHERE id = :id", id=id_)[0][0]

    def stop(self, id_: int, now=AT, reason="one_click") -> None:
        with self.engine.begin() as conn:
            stop_all(conn, self.public_id(id_), reason=reason, now=now)

    def undo(self, id_: int, now=AT) -> str:
        with self.engine.begin() as conn:
            return undo_all(conn, self.public_id(id_), via="page", now=now)

    def stop_one(self, id_: int, ref, now=AT) -> str:
        target_id = self.target(ref)
        with self.engine.begin() as conn:
            return stop_one(conn, self.public_id(id_), target_id, via="page", now=now)

    def undo_one(self, id_: int, ref, now=AT) -> str:
        find = """SELECT public_id FROM subscriptions WHERE subscriber_id = :id AND target_id = :target
                  ORDER BY id DESC LIMIT 1"""
        subscription = self.sql(find, id=id_, target=self.target(ref))[0][0]
        with self.engine.begin() as conn:
            return undo_one(conn, self.public_id(id_), subscription, via="page", now=now)

    def send(self, now=AT) -> None:
        claim_batches(self.engine, ScriptedProvider(), now=now, limit=100)
        self.sql("UPDATE batches SET state = 'accepted' WHERE state = 'sending'")

    def read(self, id_: int) -> list[tuple[str, int]]:
        """[(condition, position)] of all accepted mail, in order."""
        return self.sql(
            """SELECT t.label, e.position FROM delivery_states v JOIN deliveries d USING (id)
               JOIN batches b ON b.id = d.batch_id JOIN edition_items i ON i.edition_id = b.edition_id
               JOIN targets t ON t.id = i.target_id JOIN change_events e ON e.id = i.event_id
               WHERE d.subscriber_id = :id AND v.state = 'accepted' ORDER BY b.id, e.position, t.label""",
            id=id_,
        )

    def sql(self, statement: str, **bind):
        with self.engine.begin() as conn:
            result = conn.execute(text(statement), bind)
            return [tuple(row) for row in result] if result.returns_rows else []


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
    from notifier.subscriptions.schedules import Rhythm

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


def _waits(post: Post) -> bool:
    query = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(post.sql(query))
