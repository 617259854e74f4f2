"""The overview: whether each number and light on it means what its words say."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from notifier.delivery.providers import Outcome
from notifier.ops.heartbeat import POLL, POLL_ASKED, beat
from notifier.settings import Settings
from tests.delivery.office import Office
from tests.web.conftest import Clock, heading
from tests.web.ops import Operator, open_office, open_operator, rows, said
from tests.world import days

SENDGRID = {"mail_provider": "sendgrid", "sendgrid_api_key": "k", "sendgrid_api_url": "http://localhost:1"}


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


def refused(office: Office) -> None:
    office.provider.answers = [lambda _: Outcome("refused", reason="HTTP 400: no such template")]
    office.send()


def test_a_scheduler_that_sleeps_is_the_verdict_and_a_dead_light(operator: Operator, office: Office):
    office.clock.now += days(0) + 2 * (days(1) / 24)
    page = operator.get()
    assert "silent" in heading(page)
    assert ["Scheduler, and worker for upkeep", "✖ silent", "last seen 2 h ago"] in rows(page)


def test_the_numbers_are_those_of_the_ledger(operator: Operator, office: Office):
    refused(office)
    text = said(operator.get())
    assert "Failed, 24 hours 4 100 % of all mails" in text
    assert "Due now 0 nothing waits" in text
    assert "Failed: 4 in 24 hours" in text


def test_a_chart_and_its_tile_speak_of_the_same_day(operator: Operator, office: Office):
    office.clock.now += timedelta(minutes=30)
    refused(office)
    office.clock.now += timedelta(hours=23, minutes=40)
    text = said(operator.get())
    assert "Failed, 24 hours 4 " in text
    assert "Failed: 4 in 24 hours" in text


@pytest.mark.parametrize(
    ("complaints", "delivered", "words"),
    [
        (1, 150, "Complaints, 7 days – too few reports to judge: 1 of 150 mails"),
        (0, 150, "Complaints, 7 days 0 % sending pauses at 0.30 %"),
        (2, 600, "Complaints, 7 days – too few reports to judge: 2 of 600 mails"),
        (3, 600, "Complaints, 7 days 0.50 % sending pauses at 0.30 %"),
    ],
)
def test_a_ratio_is_red_only_where_sending_would_pause_by_it(
    operator: Operator, office: Office, complaints: int, delivered: int, words: str
):
    for kind, events in (("spamreport", complaints), ("delivered", delivered)):
        office.sql(
            "INSERT INTO feedback_hours (hour, kind, digest, events) VALUES (:now, :kind, true, :events)",
            now=office.clock(),
            kind=kind,
            events=events,
        )
    page = operator.get()
    assert words in said(page)
    assert ('<li class="alarm">' in page) == (complaints == 3)


def test_on_the_first_day_every_page_says_what_will_stand_there(
    engine: Engine, settings: Settings, clock: Clock
):
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET installed_at = :now"), {"now": clock()})
    operator = open_operator(engine, settings, clock)  # type: ignore[arg-type]
    page = operator.get("/")
    assert heading(page) == (
        "Nothing has answered yet: no worker has been seen since Notifier was set up a moment ago; no mail due."
    )
    assert "Not known yet" in page
    assert "✔ Well" not in page
    assert "No run is under way." in page
    assert "There are no subscribers yet" in page
    assert [
        "Worker that sends digests (send)",
        "✔ not seen yet",
        "It beats within a minute of its start.",
    ] in rows(page)
    assert "There are no deliveries yet." in operator.get("/deliveries")
    assert "No batch has failed" in operator.get("/failures")
    assert "No single address was refused" in operator.get("/failures")
    assert "There are no runs yet." in operator.get("/runs")
    assert "Nobody has done anything yet." in operator.get("/audit")
    for queue in ("prompt", "build", "upkeep"):
        beat(engine, now=clock(), name=queue)
    clock.forward(minutes=2)
    assert "no worker for send has been seen since Notifier was set up 2 min ago" in operator.get("/")
    beat(engine, now=clock(), name="send")
    assert heading(operator.get("/")) == "All is well. No mail waits."
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM heartbeats"))
    clock.forward(hours=1)
    assert "✖ never seen" in operator.get("/")


def test_the_registry_is_a_sign_of_life_where_it_is_asked(operator: Operator, office: Office):
    assert "Registry" not in operator.get()
    for hours, light in ((20, "✔ read"), (80, "✖ not read")):
        office.sql("DELETE FROM heartbeats WHERE name = 'poll'")
        beat(office.world.engine, now=office.clock() - timedelta(hours=hours), name=POLL)
        assert ["Registry", light] in [row[:2] for row in rows(operator.get())]
    beat(office.world.engine, now=office.clock() - timedelta(hours=2), name=POLL_ASKED)
    assert "last read 3 days ago; last asked 2 h ago, and not read to the end" in operator.get()
    office.sql("DELETE FROM heartbeats WHERE name = 'poll'")
    assert "has never been read to the end; last asked 2 h ago" in operator.get()


def test_a_run_is_late_only_when_its_planning_takes_too_long(operator: Operator, office: Office):
    for late, words in (
        (timedelta(seconds=40), "due now"),
        (timedelta(minutes=7), "late: it was due 7 min ago"),
    ):
        office.sql("UPDATE schedules SET next_due_at = :at", at=office.clock() - late)
        assert ["daily", words] in [row[:2] for row in rows(operator.get())]


@pytest.mark.parametrize(
    ("heard", "unheard", "light"),
    [(3, 60, "✖ silent"), (3, 50, "✔ heard"), (1, 60, "✔ heard"), (None, 60, "✖ never heard")],
)
def test_the_light_of_the_webhook_is_that_of_its_alert(
    office: Office, engine: Engine, settings: Settings, heard: int | None, unheard: int, light: str
):
    now = office.clock()
    office.sql("INSERT INTO counts VALUES ('unacknowledged', '', :unheard, :now)", unheard=unheard, now=now)
    if heard is not None:
        office.sql(
            """INSERT INTO feedback_events (event_id, kind, occurred_at, received_at)
               VALUES ('1', 'delivered', :at, :at)""",
            at=now - timedelta(hours=heard),
        )
    page = open_operator(engine, settings, office.clock, **SENDGRID).get()
    assert ["Webhook of the provider", light] in [row[:2] for row in rows(page)]


def test_before_any_mail_is_out_a_webhook_that_is_silent_is_no_alarm(
    office: Office, engine: Engine, settings: Settings
):
    page = open_operator(engine, settings, office.clock, **SENDGRID).get()
    assert ["Webhook of the provider", "✔ not heard yet"] in [row[:2] for row in rows(page)]
