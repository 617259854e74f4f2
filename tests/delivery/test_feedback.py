"""The provider's webhook: what it says of each mail, however odd, late, doubled or out of order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
import structlog
from fastapi.testclient import TestClient

from notifier.delivery.feedback.applying import SOFT_BOUNCES, apply_feedback
from notifier.delivery.providers import Outcome
from notifier.delivery.settling import settle_unknown
from notifier.delivery.suppressions import add, listed
from notifier.delivery.watching import pause_if_unwelcome
from notifier.delivery.withdrawing import undo_all
from notifier.links.keys import email_key
from notifier.subscriptions.personal_data import erase_person
from notifier.web.app import create_app
from tests.conftest import SECRET_KEY
from tests.delivery.mailroom import post_confirm
from tests.delivery.office import ASTHMA, Office
from tests.fakes.sendgrid.webhook import Signer
from tests.subscriptions.desk import Desk as SignUpDesk
from tests.world import days

Element = dict[str, Any]


@dataclass
class Desk:
    """Where feedback comes in: an office whose mail has been sent, and the web process."""

    office: Office
    signer: Signer
    client: TestClient

    def element(self, kind: str, who: str = "anna", after: int = 10, **fields: Any) -> Element:
        ((delivery_id,),) = self.office.sql(
            """SELECT d.id::text FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
               WHERE s.email = :email ORDER BY d.run_id DESC LIMIT 1""",
            email=f"{who}@example.org",
        )
        return {
            "event": kind,
            "email": f"{who}@example.org",
            "timestamp": int(self.office.clock().timestamp()) + after,
            "sg_event_id": uuid4().hex,
            "notifier_delivery_id": delivery_id,
            **fields,
        }

    def post(self, *elements: Any, signer: Signer | None = None) -> int:
        body = orjson.dumps(list(elements)) + b"\r\n"
        headers = (signer or self.signer).headers(body, int(self.office.clock().timestamp()))
        status = self.client.post("/webhooks/sendgrid", content=body, headers=headers).status_code
        apply_feedback(self.office.world.engine, now=self.office.clock())
        return status

    def suppressed(self) -> list[str]:
        with self.office.world.engine.connect() as conn:
            return [row.reason for row in listed(conn, 100)]


@pytest.fixture
def desk(office: Office) -> Iterator[Desk]:
    signer = Signer()
    keys = [Signer().public_key, signer.public_key]  # an old key and the present one
    settings = office.world.settings.model_copy(update={"sendgrid_webhook_public_keys": keys})
    office.send()
    with TestClient(
        create_app(settings, office.world.engine, lambda reason: None, clock=office.clock)
    ) as client:
        yield Desk(office, signer, client)


def test_what_arrived_is_delivered(desk: Desk) -> None:
    assert desk.post(desk.element("processed"), desk.element("delivered")) == 204
    assert desk.office.states() == {"accepted": 7, "delivered": 1}


def test_a_stranger_is_turned_away_and_nothing_is_stored(desk: Desk) -> None:
    assert desk.post(desk.element("bounce"), signer=Signer()) == 403
    assert desk.client.post("/webhooks/sendgrid", content=b"[]").status_code == 403
    assert desk.office.sql("SELECT count(*) FROM feedback_events") == [(0,)]


def test_without_a_key_nothing_is_genuine(office: Office) -> None:
    client = TestClient(create_app(office.world.settings, office.world.engine, lambda reason: None))
    signer = Signer()
    assert (
        client.post(
            "/webhooks/sendgrid", content=b"[]", headers=signer.headers(b"[]", 1_800_000_000)
        ).status_code
        == 403
    )


def test_doubled_and_disordered_events_end_in_the_same_state(desk: Desk) -> None:
    bounce = desk.element("bounce", type="bounce", after=60)
    delivered = desk.element("delivered", after=20)
    desk.post(bounce, bounce)
    desk.post(delivered, bounce, desk.element("processed", after=5))
    assert desk.office.states() == {"accepted": 7, "bounced": 1}
    assert desk.office.sql("SELECT count(*) FROM feedback_events") == [(3,)]


@pytest.mark.parametrize(
    "bad",
    [None, 7, "text", [], {}, {"event": 5}, {"event": "bounce"}, {"event": "bounce", "timestamp": "soon"},
     {"event": "delivered", "timestamp": 1e99}, {"event": "delivered", "timestamp": True}],
)  # fmt: skip
def test_a_bad_element_does_not_cost_the_others(desk: Desk, bad: Any) -> None:
    assert desk.post(bad, desk.element("delivered")) == 204
    assert desk.office.states() == {"accepted": 7, "delivered": 1}


@pytest.mark.parametrize("odd", [{"sg_event_id": None}, {"sg_event_id": "x" * 5000}, {"email": 7}, {"email": "no at"},
                                 {"notifier_delivery_id": "not an id"}, {"notifier_delivery_id": str(uuid4())},
                                 {"category": ["a", "b"]}, {"timestamp": 1_800_000_000_123}])  # fmt: skip
def test_odd_fields_are_borne(desk: Desk, odd: Element) -> None:
    assert desk.post(desk.element("delivered", **odd)) == 204
    assert desk.office.sql("SELECT count(*) FROM feedback_events") == [(1,)]


@pytest.mark.parametrize("odd", [b'{"event":"bounce","timestamp":1800000000,"email":"a\\ud800@example.org"}',
                                 b'{"event":"delivered","timestamp":-1e400}'])  # fmt: skip
def test_one_bad_character_does_not_cost_the_others(desk: Desk, odd: bytes) -> None:
    body = b"[" + odd + b"," + orjson.dumps(desk.element("delivered")) + b"]"
    headers = desk.signer.headers(body, int(desk.office.clock().timestamp()))
    assert desk.client.post("/webhooks/sendgrid", content=body, headers=headers).status_code == 204
    apply_feedback(desk.office.world.engine, now=desk.office.clock())
    assert desk.office.states() == {"accepted": 7, "delivered": 1}


@pytest.mark.parametrize(("event", "reason"), [("spamreport", "complaint"), ("unsubscribe", "unsubscribed")])
def test_who_complained_cannot_undo_and_comes_back_by_a_new_confirmation(
    desk: Desk, event: str, reason: str
) -> None:
    desk.post(desk.element(event))
    stopped = desk.office.sql("SELECT public_id, id FROM subscribers WHERE state = 'stopped'")
    assert desk.office.sql("SELECT DISTINCT ended_reason FROM subscriptions WHERE ended_at IS NOT NULL") == [
        (reason,)
    ]
    assert desk.office.sql("SELECT action, via FROM subscription_changes") == [("stop_all", "feedback")]
    ((public_id, id_),) = stopped
    with desk.office.world.engine.begin() as conn:
        assert undo_all(conn, public_id, via="page", now=desk.office.clock()) == "new_consent_needed"
    name = desk.office.sql("SELECT email FROM subscribers WHERE id = :id", id=id_)[0][0].partition("@")[0]
    later = desk.office.clock() + timedelta(minutes=1)
    assert SignUpDesk(desk.office.world).join(name, "Asthma", now=later) == public_id
    assert desk.suppressed() == []
    assert desk.office.sql("SELECT state FROM subscribers WHERE id = :id", id=id_) == [("active",)]


def test_after_erasure_the_hash_leads_nowhere(desk: Desk) -> None:
    desk.post(desk.element("delivered"), desk.element("bounce", type="blocked"))
    key = email_key([SECRET_KEY], "anna@example.org")
    with desk.office.world.engine.begin() as conn:
        assert erase_person(conn, key, now=desk.office.clock())
    assert desk.office.sql("SELECT count(*) FROM feedback_events WHERE delivery_id IS NOT NULL") == [(0,)]
    assert desk.office.sql("SELECT count(*) FROM feedback_events WHERE email_key IS NOT NULL") == [(0,)]


def test_a_body_that_is_no_list_of_events_is_refused(desk: Desk) -> None:
    body = b"[not json"
    answer = desk.client.post(
        "/webhooks/sendgrid", content=body, headers=desk.signer.headers(body, 1_800_000_000)
    )
    assert answer.status_code == 400


def test_a_hard_bounce_is_never_mailed_again(desk: Desk) -> None:
    desk.post(desk.element("bounce", type="bounce"))
    assert desk.suppressed() == ["bounced"]
    desk.office.world.event(ASTHMA, kind="new_study")
    desk.office.world.run("daily", desk.office.clock() + days(1))
    desk.office.later(days(1))
    assert desk.office.provider.mailed["anna@example.org"] == 1
    assert desk.office.provider.mailed["ben@example.org"] == 2


def test_a_late_bounce_without_ids_is_known_by_its_address(desk: Desk) -> None:
    bounce = desk.element("bounce", type="bounce")
    del bounce["notifier_delivery_id"]
    desk.post({**bounce, "email": "ANNA@Example.org"})
    desk.office.world.event(ASTHMA, kind="new_study")
    desk.office.world.run("daily", desk.office.clock() + days(1))
    desk.office.later(days(1))
    assert desk.office.provider.mailed["anna@example.org"] == 1


def test_a_complaint_ends_everything_this_person_asked_for(desk: Desk) -> None:
    desk.post(desk.element("spamreport"))
    assert desk.suppressed() == ["complaint"]
    assert desk.office.sql("SELECT state FROM subscribers WHERE email = 'anna@example.org'") == [("stopped",)]
    assert desk.office.sql("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL") == [(7,)]


def test_soft_bounces_count_until_it_is_enough(desk: Desk) -> None:
    for number in range(SOFT_BOUNCES - 1):
        desk.post(desk.element("bounce", type="blocked", after=number))
    assert desk.suppressed() == []
    desk.post(desk.element("bounce", type="blocked", after=99))
    assert desk.suppressed() == ["soft bounces"]


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("Invalid", "invalid"), ("Bounced Address", "bounced"), ("Spam Reporting Address", "complaint"),
     ("Unsubscribed Address", "unsubscribed"), ("Spam Content", None)],
)  # fmt: skip
def test_what_the_provider_dropped_says_whose_fault_it_was(
    desk: Desk, reason: str, expected: str | None
) -> None:
    desk.post(desk.element("dropped", reason=reason))
    assert desk.office.states() == {"accepted": 7, "dropped": 1}
    assert desk.suppressed() == ([expected] if expected else [])


def test_opens_and_clicks_raise_an_alarm_and_leave_no_trace_of_the_reader(desk: Desk) -> None:
    with structlog.testing.capture_logs() as lines:
        desk.post(desk.element("open", ip="192.0.2.7", useragent="Browser/1"))
    assert any(line["event"] == "tracking_is_on_at_the_provider" for line in lines)
    (row,) = desk.office.sql("SELECT f::text FROM feedback_events f")
    assert "192.0.2.7" not in str(row)
    assert "Browser" not in str(row)
    assert "anna" not in str(row)


def test_an_event_that_comes_before_the_answer_is_evidence_all_the_same(desk: Desk) -> None:
    desk.office.world.event(ASTHMA, kind="new_study")
    desk.office.world.run("daily", desk.office.clock() + days(1))
    desk.office.provider.answers = [lambda batch: Outcome("unknown", reason="timed out")]
    desk.office.clock.now += days(1)
    desk.post(desk.element("processed", who="hana"))
    desk.office.send()
    settle_unknown(
        desk.office.world.engine, now=desk.office.clock(), max_attempts=8, grace=timedelta(minutes=15)
    )
    assert "unknown" not in desk.office.states()


def test_sending_pauses_by_itself_when_people_complain(desk: Desk) -> None:
    engine, settings = desk.office.world.engine, desk.office.world.settings
    desk.office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           SELECT 'd' || n || d.id, d.id, 'delivered', :now, :now FROM generate_series(1, 75) n, deliveries d""",
        now=desk.office.clock(),
    )
    desk.post(desk.element("spamreport"), desk.element("spamreport", "ben"))
    assert pause_if_unwelcome(engine, now=desk.office.clock(), settings=settings) is None
    desk.post(desk.element("spamreport", "carla"))
    assert "reported as spam" in str(pause_if_unwelcome(engine, now=desk.office.clock(), settings=settings))
    desk.office.world.event(ASTHMA, kind="new_study")
    desk.office.world.run("daily", desk.office.clock() + days(1))
    calls = desk.office.provider.calls
    desk.office.later(days(1))
    assert desk.office.provider.calls == calls


def test_confirm_letters_to_dead_addresses_do_not_hold_the_digests(desk: Desk) -> None:
    office = desk.office
    strangers = [post_confirm(office, f"stranger{number}", ASTHMA) for number in range(20)]
    for kind, count in (("bounce", 20), ("spamreport", 20), ("delivered", 10)):
        office.sql(
            """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
               SELECT :kind || n || d, d, :kind, :now, :now
               FROM generate_series(1, 60) n, unnest(CAST(:letters AS uuid[])) d""",
            kind=kind,
            letters=strangers[:count],
            now=office.clock(),
        )
    settings = office.world.settings
    assert pause_if_unwelcome(office.world.engine, now=office.clock(), settings=settings) is None


def test_what_an_operator_barred_stays_barred_whatever_the_provider_says(desk: Desk) -> None:
    with desk.office.world.engine.begin() as conn:
        add(conn, email_key([SECRET_KEY], "anna@example.org"), note="by letter", now=desk.office.clock())
    desk.post(desk.element("spamreport"), desk.element("bounce", type="bounce"))
    assert desk.suppressed() == ["operator"]


def test_a_confirm_letter_that_bounces_bars_its_address(desk: Desk) -> None:
    letter = post_confirm(desk.office, "zoe", ASTHMA)
    bounce = desk.element("bounce", type="bounce") | {"email": "", "notifier_delivery_id": str(letter)}
    desk.post(bounce)
    assert desk.suppressed() == ["bounced"]
    assert desk.office.sql("SELECT email_key FROM suppressions") == [
        (email_key([SECRET_KEY], "zoe@example.org"),)
    ]
