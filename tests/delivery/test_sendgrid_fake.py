"""The fake is what other tests believe, so it is tested too."""

import copy
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import orjson
import pytest
import urllib3
from sendgrid import EventWebhook, SendGridAPIClient

from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.delivery.providers.sendgrid_body import build_body
from notifier.delivery.signatures import verify
from tests.fakes.batches import NOW, SENDER, make_batch, many, person
from tests.fakes.sendgrid.control import as_process
from tests.fakes.sendgrid.schema import official_validator
from tests.paths import shared_data
from tests.waiting import wait_for

GOOD = orjson.loads(build_body(make_batch(), list(many(3)), SENDER))


def post(fake, body, **headers):
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {
        "Authorization": f"Bearer {fake.api_key}",
        "Content-Type": "application/json",
        "Accept": "application/json",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return urllib3.request("POST", f"{fake.url}/v3/mail/send", body=raw, headers=headers, retries=False)


def test_a_good_call_is_accepted_as_the_real_one_does(fake_sendgrid):
    answer = post(fake_sendgrid, GOOD)
    assert (answer.status, answer.data) == (202, b"")
    assert answer.headers["X-Message-Id"]


def spoiled(path, value):
    """GOOD with one thing changed; None takes it out."""
    body = copy.deepcopy(GOOD)
    *way, last = path
    place = body
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return body


P0 = ("personalizations", 0)
NOT_TAKEN = {
    "no sender": (("from",), None),
    "a number for the recipients": ((*P0, "to"), 5),
    "a text for a person": (P0, "ana@example.org"),
    "a number for the content": (("content",), 5),
    "no recipient": ((*P0, "to"), None),
    "an empty list of recipients": ((*P0, "to"), []),
    "a bad address": ((*P0, "to", 0, "email"), "ana@example"),
    "an address with a space": ((*P0, "to", 0, "email"), "a na@example.org"),
    "a long local part": ((*P0, "to", 0, "email"), "a" * 65 + "@example.org"),
    "the same address twice": ((*P0, "to", 0, "email"), "Person1@example.org"),
    "a recipient's name with a comma": ((*P0, "to", 0, "name"), "Doe, Ana"),
    "too many people": (
        ("personalizations",),
        [{"to": [{"email": f"a{n}@example.org"}]} for n in range(1001)],
    ),
    "no people": (("personalizations",), []),
    "no subject": (("subject",), None),
    "an empty subject": (("subject",), ""),
    "no content": (("content",), None),
    "empty content": (("content", 0, "value"), ""),
    "html before text": (("content",), GOOD["content"][::-1]),
    "a charset in the content type": (("content", 0, "type"), "text/plain; charset=utf-8"),
    "eleven categories": (("categories",), [f"c{n}" for n in range(11)]),
    "a category twice": (("categories",), ["digest", "digest"]),
    "a category with an accent": (("categories",), ["résumé"]),
    "a number as substitution": ((*P0, "substitutions", "NOTIFIER-LINK-UNSUBSCRIBE"), 5),
    "large substitutions": ((*P0, "substitutions", "X"), "x" * 10_001),
    "a number as custom argument": ((*P0, "custom_args", "notifier_delivery_id"), 5),
    "empty custom arguments": ((*P0, "custom_args"), {}),
    "large custom arguments": ((*P0, "custom_args", "x"), "x" * 10_001),
    "a reserved header": ((*P0, "headers", "subject"), "x"),
    "a header twice": ((*P0, "headers", "list-id"), "x"),
    "a header with a line break": ((*P0, "headers", "X-A"), "x\r\nBcc: y@example.org"),
    "a header name with a space": ((*P0, "headers", "X A"), "x"),
    "an unknown root field": (("colour",), "blue"),
    "an unknown personal field": ((*P0, "colour"), "blue"),
    "a switch as a string": (("tracking_settings", "open_tracking", "enable"), "false"),
    "a sender's name with an accent": (("from", "name"), "Études"),
    "a time too far ahead": ((*P0, "send_at"), 99999999999),
    "tracking left on": (("tracking_settings", "click_tracking"), None),
    "a header at two levels": (("headers",), {"List-Id": "x"}),
    "no way to stop": ((*P0, "headers", "List-Unsubscribe"), None),
    "another link in the text": (
        (*P0, "substitutions", "NOTIFIER-LINK-UNSUBSCRIBE"),
        "https://example.org/u/x",
    ),
    "more than an opaque id": ((*P0, "custom_args", "condition"), "x"),
    "an id that is none": ((*P0, "custom_args", "notifier_delivery_id"), "ana"),
    "a tag that stands nowhere": ((*P0, "substitutions", "OTHER"), "x"),
}


@pytest.mark.parametrize("name", NOT_TAKEN)
def test_a_call_with_one_mistake_is_refused(fake_sendgrid, name):
    answer = post(fake_sendgrid, spoiled(*NOT_TAKEN[name]))
    assert answer.status == 400, name
    assert orjson.loads(answer.data)["errors"][0].keys() == {"message", "field", "help"}
    assert fake_sendgrid.mails() == []


def test_the_official_description_is_used_where_it_lies_at_hand():
    shared_data()
    assert official_validator() is not None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer wrong"}, 401), ({"Accept": "text/html"}, 406), ({"Content_Type": "text/plain"}, 415),
    ],
)  # fmt: skip
def test_a_call_with_a_wrong_header_is_refused(fake_sendgrid, headers, status):
    assert post(fake_sendgrid, GOOD, **headers).status == status


def test_broken_json_and_a_wrong_path_or_method_are_refused(fake_sendgrid):
    assert post(fake_sendgrid, b"{broken").status == 400
    assert post(fake_sendgrid, b'"\xff"').status == 400
    assert urllib3.request("GET", f"{fake_sendgrid.url}/v3/mail/send").status == 405
    assert urllib3.request("POST", f"{fake_sendgrid.url}/v3/mail").status == 404


def test_the_official_client_can_talk_to_it(fake_sendgrid):
    client = SendGridAPIClient(fake_sendgrid.api_key, host=fake_sendgrid.url)
    assert client.client.mail.send.post(request_body=GOOD).status_code == 202


class Listener:
    """A webhook of our own that keeps what comes and answers as told."""

    def __init__(self):
        self.calls, self.statuses = [], []
        keep = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                keep.calls.append((body, dict(self.headers)))
                self.send_response(keep.statuses.pop(0) if keep.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/webhooks/sendgrid"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def events(self):
        return [event for body, _ in list(self.calls) for event in orjson.loads(body)]


@pytest.fixture
def listener():
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


def send(fake, *emails):
    provider = SendGridProvider(fake.url, fake.api_key, SENDER)
    batch = make_batch(people=tuple(person(email) for email in emails))
    outcome = provider.send(batch, NOW)
    assert outcome.kind == "accepted"
    return {recipient.email: str(recipient.delivery_id) for recipient in batch.recipients}, outcome.message_id


def test_its_events_are_signed_and_carry_our_delivery_id(fake_sendgrid, listener):
    fake_sendgrid.webhook(url=listener.url)
    ids, message_id = send(fake_sendgrid, "ana@example.org")
    wait_for(lambda: len(listener.events()) == 2)
    for body, headers in listener.calls:
        signature = headers["X-Twilio-Email-Event-Webhook-Signature"]
        timestamp = headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        assert body.endswith(b"\r\n")
        assert EventWebhook(fake_sendgrid.public_key).verify_signature(body.decode(), signature, timestamp)
        assert verify(body, signature, timestamp, [fake_sendgrid.public_key])
    assert [event["event"] for event in listener.events()] == ["processed", "delivered"]
    assert {event["notifier_delivery_id"] for event in listener.events()} == {ids["ana@example.org"]}
    assert all(event["sg_message_id"].startswith(f"{message_id}.") for event in listener.events())


def test_each_address_meets_the_fate_that_the_test_gave_it(fake_sendgrid, listener):
    fake_sendgrid.webhook(url=listener.url)
    fake_sendgrid.suppress("eva@example.org", reason="Spam Reporting Address")
    fake_sendgrid.fates(
        {"ana@example.org": "bounce", "ben@example.org": "late_bounce", "ida@example.org": "silent"}
    )
    send(fake_sendgrid, "ana@example.org", "ben@example.org", "eva@example.org", "ida@example.org")
    wait_for(lambda: len(listener.events()) == 6)
    kinds = {}
    for event in listener.events():
        kinds.setdefault(event["email"], []).append(event["event"])
    assert kinds == {
        "ana@example.org": ["processed", "bounce"],
        "ben@example.org": ["processed", "delivered", "bounce"],
        "eva@example.org": ["dropped"],
    }
    late = next(
        event
        for event in listener.events()
        if event["email"] == "ben@example.org" and event["event"] == "bounce"
    )
    assert not {"sg_message_id", "notifier_delivery_id"} & late.keys()


def test_events_come_twice_out_of_order_and_with_gaps_but_none_is_lost(fake_sendgrid, listener):
    fake_sendgrid.webhook(url=listener.url, duplicates=0.3, shuffle=True, missing=0.3, batch=40, seed=4)
    emails = [f"p{number}@example.org" for number in range(100)]
    ids, _ = send(fake_sendgrid, *emails)
    wait_for(lambda: fake_sendgrid.stats()["events_waiting"] == 0)
    events = listener.events()
    by_id = {event["sg_event_id"]: event for event in events}
    assert len(by_id) == 200 < len(events)
    assert {event["notifier_delivery_id"] for event in events} == set(ids.values())
    assert any("sg_message_id" not in event for event in events)
    assert [event["event"] for event in events] != sorted((event["event"] for event in events), reverse=True)
    assert max(len(orjson.loads(body)) for body, _ in listener.calls) == 40


def test_events_that_were_not_taken_come_again(fake_sendgrid, listener):
    listener.statuses += [500, 403]
    fake_sendgrid.webhook(url=listener.url, retry=0.01)
    send(fake_sendgrid, "ana@example.org")
    wait_for(lambda: fake_sendgrid.stats()["events_sent"] == 2)
    assert len(listener.calls) == 3
    assert fake_sendgrid.stats()["webhook_failures"] == 2


def test_events_made_by_hand_are_signed_and_posted_at_once(fake_sendgrid, listener):
    fake_sendgrid.webhook(url=listener.url)
    assert fake_sendgrid.post_events([{"event": "open", "email": "ana@example.org"}]) == 200
    assert listener.events() == [{"event": "open", "email": "ana@example.org"}]


def test_chance_is_the_same_for_the_same_seed(fake_sendgrid):
    seen = []
    for _ in range(2):
        fake_sendgrid.script(random={"seed": 11, "odds": {"500": 0.3, "503": 0.3}})
        provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
        seen.append([provider.send(make_batch("ana@example.org"), NOW).kind for _ in range(30)])
    assert seen[0] == seen[1]
    assert set(seen[0]) == {"accepted", "unknown", "fault"}


def test_a_repeated_delivery_is_counted(fake_sendgrid):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    batch = make_batch("ana@example.org", "ben@example.org")
    provider.send(batch, NOW)
    provider.send(batch, NOW)
    assert fake_sendgrid.stats()["repeated"] == {
        str(recipient.delivery_id): 2 for recipient in batch.recipients
    }


def test_what_it_does_not_understand_it_says(fake_sendgrid):
    with pytest.raises(ValueError, match="unknown fault"):
        fake_sendgrid.script("reset_sometimes")
    with pytest.raises(ValueError, match="unknown fate"):
        fake_sendgrid.fates({"ana@example.org": "lost"})


def test_as_a_process_over_https_it_writes_each_accepted_mail_to_a_file(tmp_path, monkeypatch):
    mails = tmp_path / "mails.ndjson"
    with as_process(
        "--tls", "--folder", str(tmp_path), "--mail-file", str(mails), "--schema-every", "10"
    ) as fake:
        monkeypatch.setenv("SSL_CERT_FILE", fake.ca_file)
        ids, message_id = send(fake, "ana@example.org", "ben@example.org")
        lines = [orjson.loads(line) for line in mails.read_bytes().splitlines()]
    assert {line["email"]: line["delivery_id"] for line in lines} == ids
    assert {line["message_id"] for line in lines} == {message_id}
    assert all(len(line["links"]) == 1 for line in lines)
