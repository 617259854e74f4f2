"""After an incident: what failed in a run goes out once more, to each person that it failed for."""

from datetime import datetime

import pytest

from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.providers import Outcome
from notifier.delivery.resending import Resent, count_failed, resend_failed
from notifier.delivery.settling import settle_unknown
from notifier.delivery.withdrawing import undo_all
from notifier.errors import NotifierError
from notifier.subscriptions.changing import follow, unfollow
from notifier.subscriptions.stopping import stop_all
from tests.delivery.office import PEOPLE, Office, everybody_once
from tests.world import days


def run_key(office: Office) -> str:
    ((key,),) = office.sql("SELECT key FROM runs")
    return str(key)


def resend(office: Office, *, bounced: bool = False) -> Resent:
    with office.world.engine.begin() as conn:
        return resend_failed(
            conn, run_key(office), bounced=bounced, actor="command line", note="mended", now=office.clock()
        )


def fail_everything(office: Office) -> None:
    office.provider.answers = [lambda _: Outcome("refused", reason="cannot be rendered")]
    office.send()
    assert office.states() == {"failed": 8}


def fail_three_alone(office: Office) -> None:
    office.provider.answers = [
        lambda batch: Outcome(
            "accepted", refused={person.delivery_id: "odd" for person in batch.recipients[:3]}
        )
    ]
    office.send()
    assert office.states() == {"accepted": 5, "failed": 3}


def feedback(office: Office, kind: str, name: str, occurred_at: datetime | None = None) -> None:
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           SELECT gen_random_uuid()::text, d.id, :kind, :occurred_at, :now
           FROM deliveries d JOIN subscribers s ON s.id = subscriber_id
           WHERE s.email LIKE :name || '@%'""",
        kind=kind,
        name=name,
        occurred_at=occurred_at or office.clock(),
        now=office.clock(),
    )
    apply_feedback(office.world.engine, now=office.clock())


def test_a_call_that_failed_is_made_again(office: Office) -> None:
    fail_everything(office)
    assert resend(office) == Resent(8, 1, {})
    office.send()
    assert office.provider.mailed == everybody_once()
    assert office.sql("SELECT count(*) FROM batches") == [(1,)]
    assert office.sql("SELECT actor, action, subject, note FROM operator_actions") == [
        ("command line", "run_resent", run_key(office), "mended")
    ]


def test_who_failed_alone_in_a_call_that_went_well_gets_it_and_nobody_else_does(office: Office) -> None:
    fail_three_alone(office)
    assert resend(office) == Resent(3, 1, {})
    office.send()
    assert office.provider.mailed == everybody_once()
    assert office.states() == {"accepted": 8}
    assert office.sql("SELECT size FROM batches ORDER BY id") == [(5,), (3,)]
    told = office.sql("SELECT what, reason FROM batch_history WHERE batch_id = 2 ORDER BY id")
    assert told == [("failed", "odd"), ("retried", None)]


def test_asked_for_twice_it_is_done_once(office: Office) -> None:
    fail_three_alone(office)
    resend(office)
    assert resend(office).people == 0
    office.send()
    assert resend(office).people == 0
    assert office.provider.mailed == everybody_once()
    assert len(office.sql("SELECT 1 FROM operator_actions")) == 1


def test_to_count_changes_nothing(office: Office) -> None:
    fail_three_alone(office)
    with office.world.engine.connect() as conn:
        assert count_failed(conn, run_key(office), bounced=False) == Resent(3, 1, {})
    assert office.states() == {"accepted": 5, "failed": 3}


@pytest.mark.parametrize("fail", [fail_everything, fail_three_alone])
def test_who_must_not_be_mailed_any_more_stays_as_they_are(office: Office, fail) -> None:
    fail(office)
    failed = office.sql(
        "SELECT s.email FROM delivery_states v JOIN subscribers s ON s.id = subscriber_id WHERE v.state = 'failed'"
    )
    (first,), (second,), (third,), *_ = sorted(failed)
    office.sql(
        "UPDATE subscribers SET state = 'stopped', audience_id = NULL WHERE email = :email", email=first
    )
    office.sql(
        """INSERT INTO suppressions (email_key, reason, created_at)
           SELECT email_key, 'complaint', now() FROM subscribers WHERE email = :email""",
        email=second,
    )
    office.sql(
        """UPDATE deliveries SET subscriber_id = NULL
           WHERE subscriber_id = (SELECT id FROM subscribers WHERE email = :email)""",
        email=third,
    )
    done = resend(office)
    assert done.left == {"erased": 1, "stopped": 1, "suppressed": 1}
    office.send()
    assert not {first, second, third} & office.provider.mailed.keys()
    assert office.states() == {"accepted": 5, "failed": 3}
    assert resend(office).people == 0


def test_who_has_stopped_what_it_is_about_does_not_get_it(office: Office) -> None:
    fail_everything(office)
    ((anna, target),) = office.sql(
        """SELECT s.id, target_id FROM subscribers s JOIN subscriptions u ON u.subscriber_id = s.id
           WHERE email LIKE 'anna@%'"""
    )
    with office.world.engine.begin() as conn:
        unfollow(conn, anna, target, reason="page", via="page", now=office.clock())  # type: ignore[arg-type]
    office.sql("UPDATE subscribers SET audience_id = 1")  # she follows other things
    assert resend(office).left == {"changed": 1}
    office.send()
    assert sorted(office.provider.mailed) == [f"{name}@example.org" for name in PEOPLE[1:]]


def test_who_has_consented_anew_since_does_not_get_what_was_before_it(office: Office) -> None:
    """Ben has taken back a stop: to him it is as if he had never stopped."""
    fail_everything(office)
    anna, ben = office.sql("SELECT id, public_id FROM subscribers ORDER BY id LIMIT 2")
    ((target,),) = office.sql("SELECT DISTINCT target_id FROM subscriptions")
    with office.world.engine.begin() as conn:
        for _, public_id in (anna, ben):
            stop_all(conn, public_id, reason="page", now=office.clock())
        undo_all(conn, ben[1], via="page", now=office.clock())
        follow(conn, anna[0], target, reach=4, source="page", via="page", now=office.clock())
    assert resend(office).left == {"changed": 1}
    office.send()
    assert sorted(office.provider.mailed) == [f"{name}@example.org" for name in PEOPLE[1:]]


def test_what_the_provider_has_spoken_of_was_taken_and_is_not_sent_again(office: Office) -> None:
    fail_everything(office)
    feedback(office, "processed", "anna")
    assert resend(office).left == {"arrived": 1}
    office.send()
    assert "anna@example.org" not in office.provider.mailed


def test_what_came_back_is_sent_again_only_if_asked_for(office: Office) -> None:
    office.send()
    feedback(office, "blocked", "anna")
    assert office.states() == {"accepted": 7, "bounced": 1}
    assert resend(office).people == 0
    assert resend(office, bounced=True).people == 1
    office.send()
    assert office.provider.mailed == everybody_once() | {"anna@example.org": 2}
    feedback(office, "delivered", "anna")
    assert office.states() == {"accepted": 7, "delivered": 1}


def test_an_address_that_is_dead_is_never_tried_again(office: Office) -> None:
    office.send()
    feedback(office, "bounce", "anna")
    assert resend(office, bounced=True).left == {"suppressed": 1}
    assert office.states() == {"accepted": 7, "bounced": 1}


def test_that_it_came_back_once_does_not_prove_the_second_mail(office: Office) -> None:
    """The old word is about the old mail, however late it comes: a second one in doubt stays in doubt."""
    office.send()
    first = office.clock()
    feedback(office, "blocked", "anna")
    office.clock.now += days(1)
    resend(office, bounced=True)
    office.provider.answers = [lambda _: Outcome("unknown", reason="timed out")]
    office.send()
    engine, grace = office.world.engine, office.world.settings.unknown_grace
    assert settle_unknown(engine, now=office.clock(), max_attempts=5, grace=grace)["accepted"] == 0
    assert office.states() == {"accepted": 7, "unknown": 1}
    feedback(office, "processed", "anna", occurred_at=first)
    assert settle_unknown(engine, now=office.clock(), max_attempts=5, grace=grace)["accepted"] == 0
    office.clock.now += days(1)
    feedback(office, "processed", "anna")
    assert settle_unknown(engine, now=office.clock(), max_attempts=5, grace=grace)["accepted"] == 1


def test_a_run_that_there_is_not_is_named(office: Office) -> None:
    with office.world.engine.connect() as conn, pytest.raises(NotifierError, match="There is no run"):
        count_failed(conn, "daily/1999-01-01", bounced=False)
