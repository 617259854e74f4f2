import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from notifier.delivery.providers import OutgoingBatch
from notifier.delivery.providers.people import sendable
from notifier.delivery.providers.sender import Mailbox, Sender
from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.delivery.providers.sendgrid_body import build_body
from notifier.digests.tags import UNSUBSCRIBE_TAG
from notifier.errors import NotifierError
from tests.fakes.batches import HTML, NOW, SENDER, SUBJECT, TEXT, make_batch, many, person
from tests.fakes.sendgrid.house import house_problems
from tests.fakes.sendgrid.rules import problems
from tests.fakes.sendgrid.schema import schema_errors
from tests.paths import shared_data


def body_of(batch, sender=SENDER):
    people, _ = sendable(batch)
    return orjson.loads(build_body(batch, people, sender))


def everything_wrong_with(body):
    return [*schema_errors(body), *problems(body), *house_problems(body)]


def test_a_full_batch_is_what_the_official_description_and_our_own_rules_ask_for():
    shared_data()
    body = body_of(make_batch(people=many(1000)))
    assert len(body["personalizations"]) == 1000
    assert everything_wrong_with(body) == []


def test_a_person_is_an_address_an_opaque_id_and_a_link():
    recipient = person("ana@example.org", url="https://alerts.example.org/u/abc")
    body = body_of(make_batch(people=(recipient,)))
    assert body["personalizations"] == [
        {
            "to": [{"email": "ana@example.org"}],
            "substitutions": {UNSUBSCRIBE_TAG: "https://alerts.example.org/u/abc"},
            "headers": {
                "List-Unsubscribe": "<https://alerts.example.org/u/abc>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                "List-Id": "Study updates <updates.alerts.example.org>",
                "Auto-Submitted": "auto-generated",
                "X-Entity-Ref-ID": str(recipient.delivery_id),
            },
            "custom_args": {"notifier_delivery_id": str(recipient.delivery_id)},
        }
    ]


def test_what_all_share_is_said_once_and_tracks_nobody():
    body = body_of(make_batch(people=many(3)))
    del body["personalizations"]
    assert body == {
        "from": {"email": "updates@example.org", "name": "Study updates"},
        "reply_to": {"email": "help@example.org"},
        "subject": SUBJECT,
        "content": [{"type": "text/plain", "value": TEXT}, {"type": "text/html", "value": HTML}],
        "categories": ["digest"],
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": {"enable": False},
            "subscription_tracking": {"enable": False},
            "ganalytics": {"enable": False},
        },
    }


words = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
locals_ = st.from_regex(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,30}(\.[a-z0-9]{1,20})?", fullmatch=True)
links = st.from_regex(r"https://alerts\.example\.org/u/[A-Za-z0-9._-]{1,700}", fullmatch=True)
people = st.lists(
    st.builds(lambda name, url: person(f"{name}@example.org", url=url), locals_, links), min_size=1
)


@given(subject=words, text=words, html=words, recipients=people)
@settings(max_examples=50, deadline=None)
def test_no_text_and_no_list_of_people_makes_a_body_that_would_be_refused(subject, text, html, recipients):
    subject = " ".join("".join(char if char.isprintable() else " " for char in subject).split())
    batch = OutgoingBatch(
        1, subject or "x", f"{text}{UNSUBSCRIBE_TAG}", f"{html}{UNSUBSCRIBE_TAG}", tuple(recipients)
    )
    assert everything_wrong_with(body_of(batch)) == []


def test_addresses_that_differ_only_in_case_stand_in_one_call_once(fake_sendgrid):
    first, again, other = person("ana@example.org"), person("ANA@example.org"), person("ben@example.org")
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    outcome = provider.send(make_batch(people=(first, again, other)), NOW)
    assert outcome.kind == "accepted"
    assert outcome.refused == {again.delivery_id: "address twice in one batch"}
    assert [mail["email"] for mail in fake_sendgrid.mails()] == ["ana@example.org", "ben@example.org"]


def test_a_mail_too_large_for_a_call_is_halved_and_then_refused(fake_sendgrid):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    huge = TEXT + "x" * 30_000_000
    assert (
        provider.send(make_batch("ana@example.org", "ben@example.org", text=huge), NOW).kind
        == "refused_unnamed"
    )
    assert provider.send(make_batch("ana@example.org", text=huge), NOW).kind == "refused"
    assert fake_sendgrid.stats()["calls"] == 0


def test_more_people_than_a_call_takes_is_halved(fake_sendgrid):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    assert provider.send(make_batch(people=many(1001)), NOW).kind == "refused_unnamed"


@pytest.mark.parametrize(
    "change", [{"text": " "}, {"html": ""}, {"subject": "a\nb"}, {"text": "half \ud83d"}]
)
def test_a_text_that_cannot_be_sent_is_refused_without_a_call(fake_sendgrid, change):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    assert provider.send(make_batch("ana@example.org", **change), NOW).kind == "refused"
    assert fake_sendgrid.stats()["calls"] == 0


def test_a_senders_name_with_an_accent_is_named_as_the_mistake_at_the_start():
    sender = Sender(Mailbox("Études", "updates@example.org"), SENDER.reply_to, SENDER.host)
    with pytest.raises(NotifierError, match="MAIL_FROM"):
        SendGridProvider("https://api.example.org", "SG.key", sender)


def test_a_key_with_a_line_break_is_named_as_the_mistake_and_not_repeated():
    with pytest.raises(NotifierError, match="SENDGRID_API_KEY") as error:
        SendGridProvider("https://api.example.org", "SG.secret\n", SENDER)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "value", ["", "Study updates", "a@b@c", "Eve <eve@example.org>\r\nBcc: x@example.org"]
)
def test_a_sender_that_is_no_address_is_named_as_the_mistake(value):
    with pytest.raises(NotifierError, match="MAIL_FROM is not an address"):
        Mailbox.parse("MAIL_FROM", value)
