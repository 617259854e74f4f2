"""What is old enough goes, and nothing that somebody still needs."""

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import orjson
import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from notifier.db.locks import Lock, share
from notifier.delivery import expiring
from notifier.delivery.expiring import Horizon
from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.feedback.taking import take_feedback
from notifier.delivery.providers import DELIVERY_ID_ARG
from notifier.delivery.withdrawing import stop_one
from notifier.links.tokens import UnsubscribeLinks
from notifier.ops.retention import retain
from notifier.subscriptions.signing_up import confirm
from notifier.subscriptions.stopping import stop_all
from notifier.web.app import create_app
from tests.conftest import SECRET_KEY
from tests.delivery.mailroom import sign_up
from tests.delivery.office import Office, everybody_once
from tests.world import NOON, condition, days, snapshot

DRY_EYE, GOUT = condition("Dry Eye"), condition("Gout")
LEDGER = ("deliveries", "batches", "editions", "edition_items", "feedback_events")


def upkeep(office: Office, **settings: int) -> dict[str, int]:
    return retain(office.world.engine, office.world.settings.model_copy(update=settings), clock=office.clock)


def rows(office: Office, *tables: str) -> list[int]:
    return [int(str(office.sql(f"SELECT count(*) FROM {table}")[0][0])) for table in tables]


def reported(office: Office, kind: str = "delivered") -> None:
    at = int(office.clock().timestamp())
    ids = [str(row[0]) for row in office.sql("SELECT id FROM deliveries")]
    body = [{"event": kind, "sg_event_id": id_, "timestamp": at, DELIVERY_ID_ARG: id_} for id_ in ids]
    with office.world.engine.begin() as conn:
        take_feedback(conn, orjson.dumps(body), keys=[SECRET_KEY], now=office.clock())
    apply_feedback(office.world.engine, now=office.clock())


def test_mail_that_ended_long_ago_goes_with_what_it_said_and_what_became_of_it(office: Office):
    office.send()
    reported(office)
    office.clock.now += days(179)
    upkeep(office)
    assert rows(office, "deliveries", "batches", "editions") == [8, 1, 1]
    office.clock.now += days(2)
    office.world.tick(office.clock())  # the schedule has gone on, as it does each day
    gone = upkeep(office)
    assert rows(office, *LEDGER) == [0, 0, 0, 0, 0]
    assert gone["mail"] == 9
    assert office.sql("SELECT kind, events FROM feedback_hours") == [("delivered", 8)]
    assert office.sql("SELECT count(*) FROM subscribers WHERE state = 'active'") == [(8,)]


def test_its_file_in_the_outbox_goes_with_it(office: Office, tmp_path: Path):
    office.world.settings = office.world.settings.model_copy(
        update={"mail_provider": "outbox", "outbox_dir": tmp_path}
    )
    office.send()
    mails = [tmp_path / f"{row[0]}.eml" for row in office.sql("SELECT id FROM deliveries")]
    for mail in [*mails, tmp_path / "another.eml"]:
        mail.touch()
    office.clock.now += days(181)
    office.world.tick(office.clock())
    upkeep(office)
    assert [file.name for file in tmp_path.iterdir()] == ["another.eml"]


def test_what_has_not_ended_stays_however_old(office: Office):
    office.sql("UPDATE batches SET state = 'unknown'")
    office.clock.now += days(1000)
    office.world.tick(office.clock())
    upkeep(office)
    assert rows(office, "deliveries", "batches", "edition_items") == [8, 1, 1]


def test_evidence_about_mail_in_doubt_stays(office: Office):
    office.send()
    reported(office)
    office.sql("UPDATE batches SET state = 'unknown', ended_at = NULL")
    office.clock.now += days(100)
    upkeep(office)
    assert rows(office, "feedback_events") == [8]


def test_mail_that_waits_for_long_still_says_what_happened(office: Office):
    office.clock.now += days(40)
    office.world.tick(office.clock())
    upkeep(office, keep_events_days=32)
    office.send()
    assert office.provider.mailed == everybody_once()
    assert str(snapshot("")["briefTitle"]) in office.provider.batches[-1].text


def test_nothing_is_told_again_once_its_mail_has_gone(office: Office):
    office.send()
    office.clock.now += days(200)
    office.world.tick(office.clock())
    upkeep(office)
    office.clock.now += days(1)
    office.world.tick(office.clock())
    office.send()
    assert set(office.provider.mailed.values()) == {1}


def test_the_last_run_of_a_schedule_stays_so_that_it_is_not_planned_anew(office: Office):
    office.send()
    day = office.clock()
    office.clock.now += days(300)
    upkeep(office)
    assert office.world.run("daily", day) == []


def test_upkeep_waits_for_no_planner_and_takes_nothing_from_under_it(office: Office):
    office.send()
    office.clock.now += days(200)
    office.world.tick(office.clock())
    with office.world.engine.begin() as planner:
        share(planner, Lock.EDITIONS)
        assert "mail" not in upkeep(office)
    assert upkeep(office)["mail"] == 9


def test_a_batch_that_somebody_holds_is_passed_over(office: Office):
    office.send()
    office.clock.now += days(200)
    office.world.tick(office.clock())
    with office.world.engine.begin() as conn:
        conn.execute(text("SELECT * FROM batches FOR UPDATE"))
        assert "mail" not in upkeep(office)


def test_those_whose_mail_must_stay_do_not_keep_the_turns_to_themselves(
    office: Office, monkeypatch: pytest.MonkeyPatch
):
    """Seven of eight rest for long; later mail is Ida's. A turn has time for one batch, and the next goes on there."""
    office.send()
    office.world.person("ida", GOUT)
    office.world.event(GOUT)
    office.clock.now += days(1)
    office.world.tick(office.clock())
    office.send()
    office.sql("UPDATE subscribers SET resume_position = 0 WHERE email !~ '^(anna|ida)'")
    office.clock.now += days(200)
    monkeypatch.setattr(expiring, "CHUNK_PEOPLE", 1)
    place, left = expiring.Place(), []
    for _ in range(2):
        seconds = count()
        retain(
            office.world.engine,
            office.world.settings,
            clock=lambda: office.clock() + timedelta(seconds=1.5 * next(seconds)),  # noqa: B023
            place=place,
        )
        left.append(office.sql("SELECT size FROM batches ORDER BY id"))
    assert left == [[(7,), (1,)], [(7,)]]


def test_each_link_of_a_mail_works_when_the_mail_and_its_reader_are_forgotten(office: Office):
    """Also after the reader has come back: they are the same to their old mails."""
    office.send()
    public_id = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna%'")[0][0]
    link = f"/u/{UnsubscribeLinks([SECRET_KEY], 'http://localhost:8000').token(public_id)}"  # type: ignore[arg-type]
    app = create_app(office.world.settings, office.world.engine, lambda _: None, clock=office.clock)
    client = TestClient(app, follow_redirects=False)

    def anna_after(action: Callable[[], object]) -> tuple[object, ...]:
        action()
        (row,) = office.sql("SELECT state, email FROM subscribers WHERE public_id = :id", id=public_id)
        return row

    def one_click() -> None:
        answer = client.post(link, data={"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200

    assert anna_after(one_click) == ("stopped", "anna@example.org")
    office.clock.now += days(400)
    office.world.tick(office.clock())
    assert anna_after(lambda: upkeep(office)) == ("stopped", "")
    assert rows(office, "deliveries") == [0]
    assert anna_after(one_click) == ("stopped", "")
    assert client.get(link).status_code == 200
    assert anna_after(lambda: _confirm(office, "anna")) == ("active", "anna@example.org")
    assert anna_after(one_click) == ("stopped", "anna@example.org")


def test_who_has_stopped_the_last_thing_may_take_it_back_and_is_forgotten_in_the_end(office: Office):
    """However long ago they came."""
    (anna,) = office.sql("SELECT public_id, id FROM subscribers WHERE email LIKE 'anna%'")
    ((target,),) = office.sql("SELECT DISTINCT target_id FROM subscriptions")
    office.clock.now += days(500)
    with office.world.engine.begin() as conn:
        stop_one(conn, anna[0], target, via="page", now=office.clock())  # type: ignore[arg-type]
    emails = "SELECT email FROM subscribers WHERE id = :id"
    for later, email in ((29, "anna@example.org"), (337, "")):
        office.clock.now += days(later)
        upkeep(office)
        assert office.sql(emails, id=anna[1]) == [(email,)]


def test_whom_somebody_holds_is_passed_over(office: Office):
    _confirm(office, "anna")
    public_id = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna%'")[0][0]
    with office.world.engine.begin() as conn:
        stop_all(conn, public_id, reason="page", now=office.clock())  # type: ignore[arg-type]
    office.clock.now += days(400)
    with office.world.engine.begin() as conn:
        conn.execute(text("SELECT 1 FROM sign_ups FOR UPDATE"))
        assert "people" not in upkeep(office)
    assert upkeep(office)["people"] == 1


def _confirm(office: Office, name: str) -> None:
    with office.world.engine.begin() as conn:
        id_ = sign_up(conn, name, DRY_EYE, now=office.clock())
        public_id = conn.execute(
            text("SELECT public_id FROM sign_ups WHERE id = :id"), {"id": id_}
        ).scalar_one()
        confirm(conn, public_id, now=office.clock())


def test_old_rows_are_found_by_their_indexes_in_a_ledger_that_is_large(office: Office):
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, state, next_attempt_at, created_at, ended_at)
           SELECT run_id, edition_id, 10, 'accepted', created_at, created_at, created_at + n * interval '1 minute'
           FROM batches, generate_series(1, 3000) n"""
    )
    office.sql(
        """INSERT INTO deliveries (batch_id, subscriber_id, state, reason)
           SELECT b.id, 100 + n * 997 % 3000, CASE WHEN n % 7 = 0 THEN 'skipped' END,
                  CASE WHEN n % 70 = 0 THEN 'stopped' WHEN n % 7 = 0 THEN 'suppressed' END
           FROM batches b, generate_series(1, 10) n WHERE b.state = 'accepted'"""
    )
    office.sql("ANALYZE batches, deliveries")
    with office.world.engine.connect() as conn:
        horizon = Horizon.at(conn, NOON + days(2), now=office.clock())
    bind = {
        **horizon.__dict__,
        "ids": [2, 3, 4],
        "ended_at": None,
        "batch_id": 0,
        "people": 50,
        "batches": 20,
    }
    take = plan(office, expiring._TAKE.format(state=expiring.ENDED_STATES[0]), bind)
    forget = plan(office, expiring._FORGET_DELIVERIES, bind)
    assert "ix_batches_accepted" in take
    assert "ix_deliveries_held_back" in forget
    assert "Seq Scan on deliveries" not in forget


def plan(office: Office, statement: str, bind: dict[str, object]) -> str:
    return "\n".join(str(line) for (line,) in office.sql(f"EXPLAIN {statement}", **bind))
