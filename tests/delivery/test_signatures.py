import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sendgrid import EventWebhook

from notifier.delivery.signatures import verify
from tests.fakes.sendgrid.webhook import Signer
from tests.paths import shared_data

SIGNATURE, TIMESTAMP = "X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"


@pytest.fixture(scope="module")
def vector():
    return json.loads((shared_data() / "sendgrid" / "event_webhook_vector.json").read_text())


@pytest.fixture(scope="module")
def signer():
    return Signer()


def signed(signer, body, at=1_600_112_502):
    headers = signer.headers(body, at)
    return body, headers[SIGNATURE], headers[TIMESTAMP]


def test_the_official_example_is_genuine(vector):
    body, key = vector["body_utf8"].encode(), vector["public_key_base64_spki_der"]
    assert verify(body, vector["signature_base64_der"], vector["timestamp"], [key])


def test_what_was_changed_in_the_official_example_is_noticed(vector):
    body, key = vector["body_utf8"].encode(), vector["public_key_base64_spki_der"]
    signature, timestamp = vector["signature_base64_der"], vector["timestamp"]
    rewritten = json.dumps(json.loads(body)).encode()
    assert not verify(body.rstrip(), signature, timestamp, [key])
    assert not verify(rewritten, signature, timestamp, [key])
    assert not verify(body, vector["wrong_signature_base64_der"], timestamp, [key])
    assert not verify(body, signature, "1600112503", [key])
    assert not verify(body, signature, timestamp, [vector["wrong_public_key_base64_spki_der"]])


def test_digits_moved_from_timestamp_to_body_are_noticed(vector):
    """The signature itself cannot tell: nothing stands between the two."""
    body, key = vector["body_utf8"].encode(), vector["public_key_base64_spki_der"]
    moved = vector["timestamp"][-2:].encode() + body
    assert not verify(moved, vector["signature_base64_der"], vector["timestamp"][:-2], [key])


def test_our_fake_signs_as_the_official_helper_expects(signer):
    body, signature, timestamp = signed(signer, b'[{"event":"processed"}]\r\n')
    assert EventWebhook(signer.public_key).verify_signature(body.decode(), signature, timestamp)
    assert verify(body, signature, timestamp, [signer.public_key])


def test_any_of_several_keys_will_do_so_that_keys_can_be_changed(signer):
    call = signed(signer, b"[]\r\n")
    others = [Signer().public_key, "not a key", ""]
    assert verify(*call, [*others, signer.public_key])
    assert not verify(*call, others)


def test_without_a_key_nothing_is_genuine(signer):
    assert not verify(*signed(signer, b"[]\r\n"), [])


@pytest.mark.parametrize("signature", [None, "", "no base64!", "AAAA", "é", "A" * 10_000, " "])
@pytest.mark.parametrize(
    "timestamp", [None, "", "now", "160011250", "16001125020", "١٦٠٠١١٢٥٠٢", "1600112502\n", "-600112502"]
)
def test_broken_headers_are_not_genuine_and_make_no_traceback(signer, signature, timestamp):
    body, good_signature, good_timestamp = signed(signer, b"[]\r\n")
    assert not verify(body, signature, good_timestamp, [signer.public_key])
    assert not verify(body, good_signature, timestamp, [signer.public_key])


@given(body=st.binary(), signature=st.text(), timestamp=st.text(), key=st.text())
def test_nothing_random_is_genuine_or_raises(body, signature, timestamp, key):
    assert not verify(body, signature, timestamp, [key, Signer().public_key])


@given(body=st.binary(max_size=200))
def test_the_bytes_count_whatever_they_are(body):
    signer = Signer()
    call = signed(signer, b"[" + body)
    assert verify(*call, [signer.public_key])
    assert not verify(call[0] + b" ", *call[1:], [signer.public_key])
