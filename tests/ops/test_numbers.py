"""The numbers that operators look at are those of the ledger, whoever sends."""

from datetime import datetime, timedelta

import orjson
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.claiming import claim_batches
from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.feedback.taking import take_feedback
from notifier.delivery.providers import DELIVERY_ID_ARG, Outcome
from notifier.delivery.watching import pause_if_unwelcome
from notifier.ops.counts import count_all
from notifier.ops.mail import due_mails, mails_ended
from notifier.ops.numbers import Numbers, take_numbers
from notifier.subscriptions.schedules import Rhythm
from tests.conftest import SECRET_KEY
from tests.delivery.mailroom import post_to, send_letters
from tests.delivery.office import ASTHMA, Office
from tests.world import condition, days


def look(office: Office) -> Numbers:
    return take_numbers(office.world.engine, now=office.clock())


def by_state(office: Office) -> dict[str, int]:
    found: dict[str, int] = {}
    for row in look(office).open:
        found[row.state] = found.get(row.state, 0) + row.mails
    return found


def test_two_workers_see_one_queue(office: Office):
    office.world.person("ida", condition("Dry Eye"))
    office.world.event(condition("Dry Eye"))
    office.clock.now += days(1)
    office.world.run("daily", office.clock.now)
    claim_batches(office.world.engine, office.provider, now=office.clock.now, limit=1)
    assert by_state(office) == {"sending": 8, "planned": 1}
    claim_batches(office.world.engine, office.provider, now=office.clock.now, limit=1)
    assert by_state(office) == {"sending": 9}
    assert due_mails(look(office).open) == 0


def test_who_stopped_meanwhile_is_not_said_to_be_sent(office: Office):
    office.sql("UPDATE subscribers SET state = 'stopped', audience_id = NULL WHERE email LIKE 'anna%'")
    office.sql("UPDATE subscriptions SET ended_at = now() WHERE subscriber_id = 1")
    assert by_state(office) == {"planned": 8}
    office.send()
    assert office.states() == {"accepted": 7, "skipped": 1}
    assert mails_ended(look(office).ended, "accepted", "30m") == 7


def test_what_was_split_off_is_counted_once(office: Office):
    """One of eight is put off by the provider, and one is refused."""
    first, second = (row[0] for row in office.sql("SELECT id FROM deliveries ORDER BY subscriber_id LIMIT 2"))
    partly = Outcome("accepted", refused={first: "no such mailbox"}, deferred={second: "mailbox is full"})
    office.provider.answers.append(lambda batch: partly)
    office.send()
    assert office.states() == {"accepted": 6, "failed": 1, "retrying": 1}
    numbers = look(office)
    assert mails_ended(numbers.ended, "accepted", "1h") == 6
    assert mails_ended(numbers.ended, "failed", "1h") == 1
    assert [(row.state, row.mails, row.due) for row in numbers.open] == [("retrying", 1, False)]


def test_who_was_split_off_has_waited_since_the_run(office: Office):
    planned = office.clock()
    (last,) = (row[0] for row in office.sql("SELECT id FROM deliveries LIMIT 1"))
    full = Outcome("accepted", deferred={last: "mailbox is full"})
    office.provider.answers = [lambda batch: full]
    office.later(timedelta(hours=1))
    assert [row.open_since for row in look(office).open] == [planned]
    office.later(timedelta(hours=4))
    assert office.states() == {"accepted": 8}
    waits = {wait.quantile: wait.seconds for wait in look(office).waits}
    assert waits[0.99] == timedelta(hours=5).total_seconds()


def test_what_went_out_long_ago_is_not_of_today(office: Office):
    office.send()
    office.clock.now += timedelta(hours=2)
    numbers = look(office)
    assert mails_ended(numbers.ended, "accepted", "1h") == 0
    assert mails_ended(numbers.ended, "accepted", "1d") == 8


def test_a_paused_run_is_held_and_not_due(office: Office):
    with office.world.engine.begin() as conn:
        (key,) = office.sql("SELECT key FROM runs")[0]
        brakes.pause_run(conn, str(key), now=office.clock())
    numbers = look(office)
    assert due_mails(numbers.open) == 0
    assert [row.held for row in numbers.open] == [True]


def test_how_long_a_letter_waited(office: Office):
    post_to(office, "anna", "manage_link")
    send_letters(office, after=timedelta(seconds=42))
    waits = {(wait.mail, wait.quantile): wait.seconds for wait in look(office).waits}
    assert waits["manage_link", 0.99] == 42


def test_a_run_that_does_not_come_is_overdue(office: Office):
    found = {rhythm.frequency: rhythm for rhythm in look(office).rhythms}
    assert found["daily"].overdue(office.clock()) == timedelta(0)
    office.clock.now += days(1)
    found = {rhythm.frequency: rhythm for rhythm in look(office).rhythms}
    assert found["daily"].overdue(office.clock()) == timedelta(hours=4)  # it was due at eight, and it is noon
    office.world.tick(office.clock())
    (daily,) = look(office).rhythms
    assert daily.overdue(office.clock()) == timedelta(0)
    assert daily.last_planned_at == office.clock()


def test_an_event_that_no_immediate_run_covers_shows_its_age(office: Office):
    office.world.person("ida", ASTHMA, rhythm=Rhythm("immediate"))
    office.world.event(ASTHMA)
    office.sql("UPDATE change_events SET seen_at = :now", now=office.clock())
    later = office.clock() + timedelta(minutes=40)
    assert _waited(office, later) == timedelta(minutes=40)
    office.world.tick(later)
    assert _waited(office, later) == timedelta(0)


def _waited(office: Office, at: datetime) -> timedelta:
    rhythms = take_numbers(office.world.engine, now=at).rhythms
    return next(row for row in rhythms if row.frequency == "immediate").overdue(at)


def test_feedback_is_counted_once_however_often_it_comes(office: Office):
    office.send()
    ids = [str(row[0]) for row in office.sql("SELECT id FROM deliveries")]
    kinds = ["delivered"] * 6 + ["bounce", "spamreport"]
    at = int(office.clock().timestamp())
    body = orjson.dumps(
        [
            {"event": kind, "sg_event_id": id_, "timestamp": at, DELIVERY_ID_ARG: id_}
            for id_, kind in zip(ids, kinds, strict=True)
        ]
    )
    for _ in range(2):
        with office.world.engine.begin() as conn:
            take_feedback(conn, body, keys=[SECRET_KEY], now=office.clock())
        apply_feedback(office.world.engine, now=office.clock())
    numbers = look(office)
    assert numbers.webhook.totals == {"delivered": 6, "bounce": 1, "spamreport": 1}
    week = next(row for row in numbers.reported if row.window == "7d")
    assert (week.delivered, week.bounced, week.complained) == (6, 1, 1)
    assert week.bounce_ratio == 1 / 7
    assert numbers.webhook.waiting == 0


def test_the_ratio_that_is_shown_is_the_one_at_which_sending_stops(office: Office):
    """6 of 100 bounced for good. Soft bounces, and what the provider did not try, are none of them."""
    kinds = ["bounce"] * 4 + ["dropped_invalid"] * 2 + ["delivered"] * 94 + ["blocked", "dropped_bounced"] * 9
    office.sql(
        """WITH d AS (INSERT INTO deliveries (run_id, batch_id)
                      SELECT b.run_id, b.id FROM batches b, generate_series(1, 118) RETURNING id)
           INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           SELECT x.n::text, x.id, (CAST(:kinds AS text[]))[x.n], :now, :now
           FROM (SELECT id, row_number() OVER () AS n FROM d) x""",
        kinds=kinds,
        now=office.clock(),
    )
    apply_feedback(office.world.engine, now=office.clock())
    settings = office.world.settings.model_copy(update={"bounce_limit": 0.06})
    reason = pause_if_unwelcome(office.world.engine, now=office.clock(), settings=settings)
    assert reason == "6 of 100 mails of the last day bounced for good"
    day = next(row for row in look(office).reported if row.window == "1d")
    assert day.bounce_ratio == 0.06


def test_slow_counts_are_taken_by_a_worker(office: Office, engine: Engine):
    assert look(office).counted_at is None
    assert count_all(engine, now=office.clock())
    office.sql(
        "UPDATE subscribers SET paused_until = :then WHERE email LIKE 'anna%'", then=office.clock() + days(9)
    )
    assert count_all(engine, now=office.clock())
    numbers = look(office)
    assert numbers.counts["subscribers", "active/daily"] == 7
    assert numbers.counts["subscribers", "paused/daily"] == 1
    assert numbers.counts["subscriptions", "condition/active"] == 8
