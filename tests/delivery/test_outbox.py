import os
import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.providers.mime import LONGEST_LINE, SharedMail
from notifier.delivery.providers.outbox import OutboxProvider
from notifier.delivery.providers.sender import Mailbox, Sender
from notifier.digests.tags import UNSUBSCRIBE_TAG
from tests.fakes.batches import NOW, SENDER, make_batch, many, person

ANA = UUID("0a8e3a50-6f44-4c0e-9a53-2f7f0f8f7b11")


@pytest.fixture
def outbox(tmp_path: Path) -> OutboxProvider:
    return OutboxProvider(tmp_path / "outbox", SENDER)


def read(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def mail_of(outbox: OutboxProvider, delivery_id: UUID = ANA) -> EmailMessage:
    return read((outbox._folder / f"{delivery_id}.eml").read_bytes())


def test_a_mail_is_a_file_named_by_its_delivery_and_only_its_owner_may_read_it(outbox, tmp_path):
    outcome = outbox.send(make_batch(people=(person("ana@example.org", ANA),)), NOW)
    assert outcome.kind == "accepted"
    assert [path.name for path in (tmp_path / "outbox").iterdir()] == [f"{ANA}.eml"]
    assert (tmp_path / "outbox" / f"{ANA}.eml").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "outbox").stat().st_mode & 0o777 == 0o700


def test_a_mail_has_every_header_once(outbox):
    outbox.send(make_batch(people=(person("ana@example.org", ANA, "https://alerts.example.org/u/abc"),)), NOW)
    mail = mail_of(outbox)
    assert dict(mail.items()) == {
        "From": "Study updates <updates@example.org>",
        "Reply-To": "help@example.org",
        "Subject": "2 updates for you",
        "Date": "Mon, 02 Mar 2026 08:00:00 +0000",
        "MIME-Version": "1.0",
        "Content-Type": 'multipart/alternative; boundary="=_notifier_alternative"',
        "To": "ana@example.org",
        "Message-ID": f"<{ANA}@alerts.example.org>",
        "List-Unsubscribe": "<https://alerts.example.org/u/abc>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": "Study updates <updates.alerts.example.org>",
        "Auto-Submitted": "auto-generated",
        "X-Entity-Ref-ID": str(ANA),
    }
    assert len(mail.keys()) == len(set(mail.keys()))
    assert mail.defects == []


def test_text_comes_before_html_and_both_hold_the_persons_own_link(outbox):
    people = many(3)
    outbox.send(make_batch(people=people), NOW)
    for recipient in people:
        text, html = mail_of(outbox, recipient.delivery_id).iter_parts()
        assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
        assert f"Stop these mails: {recipient.unsubscribe_url}" in text.get_content()
        assert f'href="{recipient.unsubscribe_url}"' in html.get_content()


def test_sending_again_leaves_one_file(outbox, tmp_path):
    batch = make_batch(people=many(5))
    outbox.send(batch, NOW)
    outbox.send(batch, NOW)
    assert len(list((tmp_path / "outbox").iterdir())) == 5


def test_what_a_killed_process_left_is_cleared_and_what_another_is_writing_is_not(tmp_path):
    old, young = tmp_path / ".a.1.2.draft", tmp_path / ".b.1.2.draft"
    for draft in (old, young):
        draft.write_text("half a mail")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    OutboxProvider(tmp_path, SENDER)
    assert not old.exists()
    assert young.exists()


def test_a_folder_that_cannot_be_written_is_a_fault_and_no_traceback(tmp_path):
    (tmp_path / "outbox").write_text("in the way")
    outcome = OutboxProvider(tmp_path / "outbox", SENDER).send(make_batch("ana@example.org"), NOW)
    assert outcome.kind == "fault"
    assert outcome.reason == "outbox folder: File exists"


@pytest.mark.parametrize(
    "email",
    ["ana@example.org\r\nBcc: eve@example.org", "ana@example.org\n", "Ana <ana@example.org>", "änna@example.org",
     "ana", "ana@", "a b@example.org", "ana..x@example.org", "x" * 65 + "@example.org", ""],
)  # fmt: skip
def test_an_address_not_fit_for_a_header_is_refused_for_that_person_alone(outbox, email):
    bad, good = person(email), person("ben@example.org")
    outcome = outbox.send(make_batch(people=(bad, good)), NOW)
    assert outcome.kind == "accepted"
    assert outcome.refused == {bad.delivery_id: "address is not fit for sending"}
    assert len(list(outbox._folder.iterdir())) == 1


def test_one_address_twice_in_a_batch_gets_one_mail(outbox):
    first, again = person("ana@example.org"), person("Ana@Example.org")
    outcome = outbox.send(make_batch(people=(first, again)), NOW)
    assert outcome.refused == {again.delivery_id: "address twice in one batch"}


@pytest.mark.parametrize(
    "subject", ["", "   ", "2 updates\r\nBcc: eve@example.org", "2\u2028updates", "2\0updates"]
)
def test_a_subject_that_would_break_the_header_is_refused(outbox, subject):
    assert outbox.send(make_batch("ana@example.org", subject=subject), NOW).kind == "refused"


@pytest.mark.parametrize(
    "subject",
    [
        "2 mises à jour – 治験のお知らせ " + "é" * 90,
        "=?utf-8?q?not_encoded?= by us",
        "word " * 300 + "end",
        "x" * 2000,
        'one: two, <three> (four) "five" ; six@example.org',
    ],
)
def test_a_subject_arrives_as_it_was_on_lines_that_are_not_too_long(outbox, subject):
    outbox.send(make_batch(people=(person("ana@example.org", ANA),), subject=subject), NOW)
    raw = (outbox._folder / f"{ANA}.eml").read_bytes()
    assert read(raw)["Subject"] == subject
    assert max(map(len, raw.split(b"\r\n"))) < 998


def test_a_senders_name_with_an_accent_arrives_as_it_was(tmp_path):
    sender = Sender(Mailbox("Nouvelles d’études", "updates@example.org"), SENDER.reply_to, SENDER.host)
    outbox = OutboxProvider(tmp_path, sender)
    outbox.send(make_batch(people=(person("ana@example.org", ANA),)), NOW)
    assert mail_of(outbox)["From"].addresses[0].display_name == "Nouvelles d’études"


lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"))


@given(before=lines, after=lines, url_tail=st.text("abcXYZ019_-.", min_size=1, max_size=300))
def test_any_text_arrives_whole_with_the_link_in_its_place(before, after, url_tail):
    url = f"https://alerts.example.org/u/{url_tail}"
    batch = make_batch(
        people=(person("ana@example.org", ANA, url),), text=f"a{before}{UNSUBSCRIBE_TAG}{after}"
    )
    raw = SharedMail(batch, SENDER, NOW).for_person(batch.recipients[0])
    text, _ = read(raw).iter_parts()
    got = text.get_payload(decode=True).decode()
    assert got.replace("\r\n", "\n").rstrip("\n") == f"a{before}{url}{after}".rstrip("\n")


@given(text=lines)
def test_no_line_of_a_body_is_too_long_and_all_of_it_is_ascii(text):
    batch = make_batch("ana@example.org", text=f"a{text}{UNSUBSCRIBE_TAG}{text}")
    raw = SharedMail(batch, SENDER, NOW).for_person(batch.recipients[0])
    _, _, body = raw.partition(b"\r\n\r\n")
    assert raw.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= LONGEST_LINE
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
