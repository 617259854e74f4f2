import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.delivery.providers import smtp, smtp_talk
from notifier.delivery.providers.smtp import SmtpProvider
from notifier.delivery.providers.smtp_server import Server
from notifier.errors import NotifierError
from tests.fakes.batches import NOW, SENDER, make_batch, many, person
from tests.fakes.smtp import HANG_UP, smtp_sink

ANA, BEN, EVA = "ana@example.org", "ben@example.org", "eva@example.org"


def provider_for(sink, tls="none", **more):
    context = more.pop("context", None)
    return SmtpProvider(Server(sink.host, sink.port, tls, **more), SENDER, context)


@pytest.fixture
def provider(sink):
    made = provider_for(sink)
    yield made
    made.close()


def reasons(outcome):
    return sorted({*outcome.refused.values(), *outcome.deferred.values(), *outcome.unknown.values()})


def test_each_person_gets_a_mail_of_their_own_over_one_connection(sink, provider):
    people = many(30)
    assert provider.send(make_batch(people=people), NOW).kind == "accepted"
    assert provider.send(make_batch(ANA), NOW).kind == "accepted"
    assert sink.recipients() == [*(recipient.email for recipient in people), ANA]
    assert [mail["To"] for mail in sink.parsed()] == sink.recipients()
    assert sink.connections == 1


def test_the_server_gets_the_mail_byte_for_byte_with_lines_that_begin_with_a_dot(sink, provider):
    provider.send(make_batch(ANA, text="one\n.\n..two\n.three\nfour\n"), NOW)
    text, _ = sink.parsed()[0].iter_parts()
    assert text.get_content().splitlines() == ["one", ".", "..two", ".three", "four"]


def test_many_threads_share_a_bounded_number_of_connections(sink, provider):
    with ThreadPoolExecutor(24) as pool:
        outcomes = list(pool.map(lambda n: provider.send(make_batch(f"p{n}@example.org"), NOW), range(120)))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert len(set(sink.recipients())) == 120
    assert sink.connections <= 8


def test_a_connection_is_renewed_before_a_server_would_grow_tired_of_it(sink, provider):
    for _ in range(5):
        provider.send(make_batch(people=many(50)), NOW)
    assert (len(sink.mails), sink.connections) == (250, 3)


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("550 5.1.1 <ana@example.org> no such user", "refused"),
        ("553 5.1.3 bad address ana@example.org", "refused"),
        ("552 5.2.2 mailbox full", "refused"),
        ("450 4.2.1 ana@example.org is greylisted", "deferred"),
        ("452 4.2.2 over quota", "deferred"),
        ("550 5.7.1 relaying denied", "deferred"),
        ("554 Relay access denied", "deferred"),
    ],
)
def test_one_refused_recipient_does_not_stop_the_others(sink, provider, reply, verdict):
    sink.at_rcpt[ANA] = reply
    batch = make_batch(BEN, ANA, EVA)
    outcome = provider.send(batch, NOW)
    assert outcome.kind == "accepted"
    assert sink.recipients() == [BEN, EVA]
    assert set(getattr(outcome, verdict)) == {batch.recipients[1].delivery_id}
    assert "@" not in "".join(reasons(outcome))
    assert sink.connections == 1


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("554 5.6.0 content is not liked", "refused"),
        ("554 5.7.1 looks like spam", "deferred"),
        ("451 4.3.0 try later", "deferred"),
    ],
)
def test_a_mail_refused_after_it_was_written_is_that_persons_alone(sink, provider, reply, verdict):
    sink.before_taking[ANA] = reply
    batch = make_batch(ANA, BEN)
    outcome = provider.send(batch, NOW)
    assert (outcome.kind, sink.recipients()) == ("accepted", [BEN])
    assert set(getattr(outcome, verdict)) == {batch.recipients[0].delivery_id}


@pytest.mark.parametrize("taken", [True, False])
def test_a_line_lost_after_the_mail_was_written_leaves_exactly_that_one_in_doubt(sink, provider, taken):
    (sink.after_taking if taken else sink.before_taking)[BEN] = HANG_UP
    batch = make_batch(ANA, BEN, EVA)
    outcome = provider.send(batch, NOW)
    assert outcome.kind == "accepted"
    assert set(outcome.unknown) == {batch.recipients[1].delivery_id}
    assert not outcome.deferred
    assert not outcome.refused
    assert sink.recipients() == ([ANA, BEN, EVA] if taken else [ANA, EVA])


def test_a_lone_mail_in_doubt_makes_the_whole_outcome_unknown(sink, provider):
    sink.after_taking[ANA] = HANG_UP
    assert provider.send(make_batch(ANA), NOW).kind == "unknown"


def test_a_server_that_never_answers_after_the_mail_leaves_it_in_doubt(sink, provider, monkeypatch):
    monkeypatch.setattr(smtp_talk, "END_OF_DATA_SECONDS", 0.2)
    hold = threading.Event()

    async def silent(*_):
        await asyncio.to_thread(hold.wait, 10)
        return "250 OK"

    monkeypatch.setattr(sink, "handle_DATA", silent)
    outcome = provider.send(make_batch(ANA), NOW)
    hold.set()
    assert outcome.kind == "unknown"


def test_a_connection_that_the_server_closed_meanwhile_is_replaced_unnoticed(sink, provider):
    provider.send(make_batch(ANA), NOW)
    for line in sink.open_lines:
        line.loop.call_soon_threadsafe(line.transport.abort)
    assert provider.send(make_batch(BEN), NOW).kind == "accepted"
    assert (sink.recipients(), sink.connections) == ([ANA, BEN], 2)


def test_a_line_lost_before_the_mail_was_written_is_tried_once_more_on_a_fresh_one(sink, provider):
    provider.send(make_batch(ANA), NOW)
    sink.at_mail.append(HANG_UP)
    assert provider.send(make_batch(BEN), NOW).kind == "accepted"
    assert sink.recipients() == [ANA, BEN]


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("421 4.7.0 too many mails", "throttled"),
        ("451 4.3.2 later", "throttled"),
        ("550 5.7.1 not your sender", "account"),
    ],
)
def test_what_is_said_of_the_sender_stops_the_batch_and_keeps_everybody(sink, provider, reply, kind):
    sink.at_mail.append(reply)
    outcome = provider.send(make_batch(ANA, BEN), NOW)
    assert outcome.kind == kind
    assert not outcome.refused
    assert not outcome.deferred
    assert sink.mails == []


def test_trouble_after_one_in_doubt_speaks_for_the_rest_alone(sink, provider):
    sink.after_taking[ANA] = HANG_UP
    sink.at_rcpt[BEN] = "421 4.3.2 shutting down"
    batch = make_batch(ANA, BEN, EVA)
    outcome = provider.send(batch, NOW)
    assert (outcome.kind, set(outcome.unknown)) == ("throttled", {batch.recipients[0].delivery_id})
    assert not outcome.deferred


def test_trouble_in_the_middle_keeps_what_was_sent_and_puts_off_the_rest(sink, provider):
    sink.at_rcpt[BEN] = "421 4.3.2 shutting down"
    batch = make_batch(ANA, BEN, EVA)
    outcome = provider.send(batch, NOW)
    assert outcome.kind == "accepted"
    assert sink.recipients() == [ANA]
    assert set(outcome.deferred) == {recipient.delivery_id for recipient in batch.recipients[1:]}


def test_a_slow_server_does_not_hold_a_batch_beyond_its_time(sink, provider, monkeypatch):
    monkeypatch.setattr(smtp, "TIME_FOR_A_BATCH", smtp.TIME_FOR_A_BATCH * -1)
    outcome = provider.send(make_batch(ANA, BEN), NOW)
    assert (outcome.kind, outcome.reason, sink.mails) == (
        "fault",
        "the server is too slow for this batch",
        [],
    )


def test_no_server_is_unreachable():
    with smtp_sink() as gone:
        pass
    outcome = provider_for(gone).send(make_batch(ANA), NOW)
    assert outcome.kind == "unreachable"
    assert outcome.reason == "no connection (ConnectionRefusedError)"


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_a_wrong_password_is_a_matter_of_the_account(sink):
    with smtp_sink(password="right") as strict:
        outcome = provider_for(strict, username="me", password="wrong").send(make_batch(ANA), NOW)
        assert (outcome.kind, outcome.reason) == ("account", "SMTP 535 on connecting or logging in")
        assert (
            provider_for(strict, username="me", password="right").send(make_batch(ANA), NOW).kind
            == "accepted"
        )
        assert provider_for(strict).send(make_batch(ANA), NOW).kind == "account"


def test_a_server_without_starttls_gets_no_mail_unless_it_is_this_machine(sink):
    outcome = provider_for(sink, tls="starttls").send(make_batch(ANA), NOW)
    assert (outcome.kind, outcome.reason) == ("account", "the SMTP server offers no STARTTLS")
    assert sink.mails == []


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_mail_is_encrypted_and_the_certificate_is_checked(certificate, tls):
    server_context = certificate.server_context()
    contexts = {"starttls": server_context} if tls == "starttls" else {"implicit_tls": server_context}
    with smtp_sink(**contexts) as strict:
        trusting = provider_for(strict, tls=tls, context=certificate.client_context())
        assert trusting.send(make_batch(ANA, BEN), NOW).kind == "accepted"
        outcome = provider_for(strict, tls=tls, context=ssl.create_default_context()).send(
            make_batch(ANA), NOW
        )
        assert outcome.kind == "unreachable"
        assert "CERTIFICATE_VERIFY_FAILED" in outcome.reason
        assert strict.recipients() == [ANA, BEN]
        trusting.close()


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", Server("mail.example.org", 587, "starttls")),
        ("smtps://me%40example.org:p%40ss@mail.example.org",
         Server("mail.example.org", 465, "implicit", "me@example.org", "p@ss")),
        ("smtp://localhost:1025", Server("localhost", 1025, "none")),
        ("smtp://[::1]:1025", Server("::1", 1025, "none")),
        ("smtp://127.0.0.2", Server("127.0.0.2", 587, "none")),
        ("smtp://127.0.0.1.example.org", Server("127.0.0.1.example.org", 587, "starttls")),
    ],
)  # fmt: skip
def test_an_smtp_url_is_read(url, server):
    assert Server.parse(url) == server


@pytest.mark.parametrize(
    "url", ["mail.example.org:25", "http://mail.example.org", "smtp://", "smtp://u:secret@h:x", ""]
)
def test_a_wrong_smtp_url_is_named_and_not_repeated(url):
    with pytest.raises(NotifierError, match="SMTP_URL is not the address") as error:
        Server.parse(url)
    assert "secret" not in str(error.value)


def test_a_person_not_fit_for_sending_is_refused_without_a_word_to_the_server(sink, provider):
    bad = person("ana@example.org>\r\nRCPT TO:<eve@example.org")
    outcome = provider.send(make_batch(people=(bad,)), NOW)
    assert (outcome.kind, set(outcome.refused), sink.mails) == ("refused", {bad.delivery_id}, [])
