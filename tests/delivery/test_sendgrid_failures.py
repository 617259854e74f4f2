import logging
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.providers import sendgrid_http
from notifier.delivery.providers.scrub import LONGEST, scrub
from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.delivery.providers.sendgrid_answer import read_answer
from tests.fakes.batches import NOW, SENDER, make_batch, many, person

TWO = make_batch("ana@example.org", "ben@example.org")
ANA, BEN = (recipient.delivery_id for recipient in TWO.recipients)
RESET = "x-ratelimit-reset"


@pytest.fixture
def provider(fake_sendgrid):
    made = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    yield made
    made.close()


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(sendgrid_http, "WAIT_SECONDS", 0.2)


def test_an_accepted_batch_has_the_message_id_of_its_call(fake_sendgrid, provider):
    outcome = provider.send(TWO, NOW)
    assert outcome.kind == "accepted"
    assert {mail["message_id"] for mail in fake_sendgrid.mails()} == {outcome.message_id}


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("400", "refused_unnamed"), ("413", "refused_unnamed"), ("415", "our_fault"),
        ("401", "account"), ("402", "account"), ("403", "account"), ("404", "account"), ("405", "account"),
        ("406", "account"), ("451", "account"), ("301", "account"), ("302", "account"),
        ("408", "fault"), ("503", "fault"), ("429", "throttled"),
        ("500", "unknown"), ("502", "unknown"), ("504", "unknown"), ("200", "unknown"), ("204", "unknown"),
    ],
)  # fmt: skip
def test_each_status_is_a_class_of_failure(fake_sendgrid, provider, fault, kind):
    fake_sendgrid.script(fault)
    outcome = provider.send(TWO, NOW)
    assert outcome.kind == kind
    assert f"HTTP {fault}" in outcome.reason
    assert fake_sendgrid.mails() == []
    assert provider.send(TWO, NOW).kind == "accepted"


@pytest.mark.parametrize("fault", ["500_after", "reset_after", "hang_after"])
def test_a_failure_after_acceptance_is_unknown_and_not_repeated(fake_sendgrid, impatient, fault):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    fake_sendgrid.script(fault)
    assert provider.send(TWO, NOW).kind == "unknown"
    assert len(fake_sendgrid.mails()) == 2


def test_silence_after_the_call_was_written_is_unknown(fake_sendgrid, impatient):
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    fake_sendgrid.script("hang_before")
    outcome = provider.send(TWO, NOW)
    assert (outcome.kind, outcome.reason) == (
        "unknown",
        "no answer after the call was written (TimeoutError)",
    )
    assert fake_sendgrid.mails() == []


def test_a_reset_is_unknown_unless_it_came_before_the_whole_call_was_written(fake_sendgrid, provider):
    fake_sendgrid.script("reset_before")
    assert provider.send(TWO, NOW).kind in ("unknown", "unreachable")
    assert fake_sendgrid.mails() == []


def test_a_wrong_key_is_a_matter_of_the_account(fake_sendgrid):
    outcome = SendGridProvider(fake_sendgrid.url, "SG.another", SENDER).send(TWO, NOW)
    assert outcome.kind == "account"
    assert "SG.another" not in outcome.reason


def test_the_one_bad_address_in_a_batch_of_a_thousand_is_named(fake_sendgrid, provider):
    people = many(1000)
    fake_sendgrid.script(refuse=["person617@example.org"])
    outcome = provider.send(make_batch(people=people), NOW)
    assert outcome.kind == "refused_named"
    assert set(outcome.refused) == {people[617].delivery_id}
    assert "person617" not in str(outcome)
    rest = make_batch(people=(*people[:617], *people[618:]))
    assert provider.send(rest, NOW).kind == "accepted"
    assert len(fake_sendgrid.mails()) == 999


def test_a_bad_address_that_is_not_named_is_for_the_ledger_to_find(fake_sendgrid, provider):
    fake_sendgrid.script(refuse=["ana@example.org"], name_refused=False)
    assert provider.send(TWO, NOW).kind == "refused_unnamed"
    assert provider.send(make_batch("ana@example.org"), NOW).kind == "refused_unnamed"


def test_an_index_counts_those_who_were_in_the_call_not_those_taken_out_before(fake_sendgrid, provider):
    unfit, ana, ben = person("no address"), person("ana@example.org"), person("ben@example.org")
    fake_sendgrid.script(refuse=["ana@example.org"])
    outcome = provider.send(make_batch(people=(unfit, ana, ben)), NOW)
    assert set(outcome.refused) == {unfit.delivery_id, ana.delivery_id}


def answer(status=400, body=b"", headers=None, people=TWO.recipients):
    return read_answer(status, headers or {}, body, list(people), NOW)


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors":[{"message":"no","field":"personalizations.1.to","help":null}]}',
        b'{"errors":[{"message":"no","field":"personalizations[1].to[0].email"}]}',
        b'{"errors":[{"message":"twice in the personalizations.1.to field","field":"personalizations"}]}',
    ],
)
def test_a_person_is_named_by_field_or_by_words(body):
    outcome = answer(body=body)
    assert (outcome.kind, set(outcome.refused)) == ("refused_named", {BEN})


@pytest.mark.parametrize(
    "field",
    ["from.email", "reply_to", "subject", "content.0.value", "categories", "tracking_settings", "headers", "what",
     "personalizations.1.headers", "personalizations.1.headers.List-Unsubscribe", "personalizations[1].headers",
     "personalizations.1.substitutions", "personalizations.1.custom_args", "personalizations.1.subject",
     "personalizations.1.send_at", "personalizations.1.cc.0.email", "personalizations.1.total"],
)  # fmt: skip
def test_what_is_not_an_address_is_our_fault_and_nobody_is_refused_for_it(field):
    outcome = answer(
        body=f'{{"errors":[{{"message":"in personalizations.1.to","field":"{field}"}}]}}'.encode()
    )
    assert (outcome.kind, outcome.refused) == ("our_fault", {})
    assert outcome.reason.startswith("the mail itself is refused: HTTP 400 ")


def test_a_bad_address_beside_a_fault_of_ours_is_taken_out_first():
    errors = b'{"message":"no","field":"subject"},{"message":"no","field":"personalizations.0.to"}'
    outcome = answer(body=b'{"errors":[' + errors + b"]}")
    assert (outcome.kind, set(outcome.refused)) == ("refused_named", {ANA})


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Bad Request</html>", b"[]", b"null", b'{"errors":null}', b'{"errors":["x"]}', b'{"errors":[{}]}',
     b'{"errors":[{"field":null,"message":"Bad Request","help":null}]}', b"\xff\xfe", b'{"errors":[{"field":7}]}',
     b'{"errors":[{"message":"no","field":"personalizations.99.to"}]}',
     b'{"errors":[{"message":"no","field":"personalizations.1"}]}'],
)  # fmt: skip
def test_a_refusal_that_does_not_say_who_or_what_names_nobody(body):
    assert answer(body=body).kind == "refused_unnamed"


@given(status=st.integers(100, 599), body=st.binary(max_size=200), reset=st.text(max_size=20))
def test_no_answer_at_all_makes_a_traceback(status, body, reset):
    outcome = answer(status, body, {RESET: reset})
    assert outcome.kind == "accepted" if status == 202 else outcome.kind != "accepted"


@pytest.mark.parametrize(
    ("reset", "wait"),
    [
        (NOW.timestamp() + 30, timedelta(seconds=30)),
        (NOW.timestamp() - 3600, timedelta(seconds=1)),
        (NOW.timestamp() + 86400, timedelta(minutes=15)),
        (0, timedelta(seconds=1)),
        (999999999999, timedelta(minutes=15)),
    ],
)
def test_the_end_of_throttling_is_believed_within_reason(reset, wait):
    assert answer(429, headers={RESET: str(int(reset))}).retry_at == NOW + wait


@pytest.mark.parametrize("reset", ["", "soon", "-5", "1e9", "²", "9" * 400])
def test_a_strange_end_of_throttling_is_left_to_the_caller(reset):
    outcome = answer(429, headers={RESET: reset})
    assert (outcome.kind, outcome.retry_at) == ("throttled", None)


def test_the_wait_comes_from_the_header_of_a_real_answer(fake_sendgrid, provider):
    fake_sendgrid.script({"name": "429", "reset_in": 30})
    outcome = provider.send(TWO, NOW)
    assert outcome.kind == "throttled"
    assert outcome.retry_at is not None


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def test_nobody_listening_is_unreachable():
    outcome = SendGridProvider(f"http://127.0.0.1:{free_port()}", "SG.key", SENDER).send(TWO, NOW)
    assert (outcome.kind, outcome.reason) == (
        "unreachable",
        "the call could not be written (ConnectionRefusedError)",
    )


def test_an_unknown_host_is_unreachable():
    assert SendGridProvider("https://nowhere.invalid", "SG.key", SENDER).send(TWO, NOW).kind == "unreachable"


def test_a_certificate_that_is_not_trusted_is_unreachable(certificate):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_tls_once, args=(listener, certificate), daemon=True).start()
        port = listener.getsockname()[1]
        outcome = SendGridProvider(f"https://127.0.0.1:{port}", "SG.key", SENDER).send(TWO, NOW)
    assert (outcome.kind, outcome.reason) == (
        "unreachable",
        "the call could not be written (SSLCertVerificationError)",
    )


def _tls_once(listener, certificate):
    line, _ = listener.accept()
    with line, suppress(OSError):
        certificate.server_context().wrap_socket(line, server_side=True)


def test_a_line_cut_while_the_call_is_being_written_was_certainly_not_accepted():
    """The body is larger than any buffer on the way, so that the cut comes before its end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_read_a_little, args=(listener,), daemon=True).start()
        provider = SendGridProvider(f"http://127.0.0.1:{listener.getsockname()[1]}", "SG.key", SENDER)
        outcome = provider.send(make_batch("ana@example.org", text="x" * 25_000_000), NOW)
    assert outcome.kind == "unreachable"


def _read_a_little(listener):
    line, _ = listener.accept()
    line.recv(100_000)
    time.sleep(0.05)
    line.close()


def test_reasons_and_logs_hold_no_address_and_no_key(fake_sendgrid, provider, caplog):
    caplog.set_level(logging.DEBUG)
    fake_sendgrid.script(refuse=["ana@example.org"])
    outcome = provider.send(TWO, NOW)
    told = str(outcome) + caplog.text
    assert "ana" not in told.casefold()
    assert fake_sendgrid.api_key not in told


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("address ana@example.org is bad", "address […] is bad"),
        ("[ana@example.org] in personalizations.0.to", "[…] in personalizations.0.to"),
        ("Ana is on our list", "[…] is on our list"),
        ("analysis failed", "analysis failed"),
        ("the subject 'Lupus nephritis' is bad", "the subject […] is bad"),
        ("see https://example.org/u/token", "see […]"),
        ("key SG.abcdefghijklmnopqrstuvwxyz0123 is wrong", "key SG.[…] is wrong"),
        ("two\r\nlines\u2028", "two lines"),
        ("x " * 500, ("x " * 500)[: LONGEST - 1] + "…"),
    ],
)
def test_a_providers_words_are_scrubbed(words, left):
    assert scrub(words, TWO.recipients) == left
