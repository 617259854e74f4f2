"""Each reader's own links stand where they belong, whatever provider carries the mail, and none is missing."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

from notifier.delivery.providers import OutgoingBatch, Recipient
from notifier.delivery.providers.outbox import OutboxProvider
from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.digests.tags import CONFIRM_TAG, MANAGE_TAG, UNSUBSCRIBE_TAG
from tests.fakes.batches import NOW, SENDER
from tests.fakes.sendgrid.control import SendGridControl

ANA = UUID("5b0e9a86-6ae5-4e5c-8f3e-0c9b3f4a1d11")
SITE = "https://alerts.example.org"
DIGEST_LINKS = {UNSUBSCRIBE_TAG: f"{SITE}/u/ana.x", MANAGE_TAG: f"{SITE}/manage/ana.y"}
WORDS = f"One: {UNSUBSCRIBE_TAG}/item.z all: {UNSUBSCRIBE_TAG} change: {MANAGE_TAG}"
SAID = f"One: {SITE}/u/ana.x/item.z all: {SITE}/u/ana.x change: {SITE}/manage/ana.y"


def batch(text: str, links: dict[str, str], category: str = "digest") -> OutgoingBatch:
    people = (Recipient(ANA, "ana@example.org", links),)
    return OutgoingBatch(1, "2 updates for you", text, f"<p>{text}</p>", people, category)


def file_of(tmp_path: Path) -> EmailMessage:
    raw = (tmp_path / f"{ANA}.eml").read_bytes()
    return message_from_bytes(raw, policy=policy.default)  # type: ignore[return-value]


def test_a_file_holds_every_link_and_what_stands_behind_it(tmp_path: Path) -> None:
    OutboxProvider(tmp_path, SENDER).send(batch(WORDS, DIGEST_LINKS), NOW)
    text, html = file_of(tmp_path).iter_parts()
    assert text.get_content().strip() == SAID
    assert html.get_content().strip() == f"<p>{SAID}</p>"


def test_sendgrid_is_given_every_link_to_put_in(fake_sendgrid: SendGridControl) -> None:
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    assert provider.send(batch(WORDS, DIGEST_LINKS), NOW).kind == "accepted"
    (mail,) = fake_sendgrid.mails()
    assert set(DIGEST_LINKS.values()) <= set(mail["links"])


def test_a_letter_is_no_list_that_one_could_leave(tmp_path: Path, fake_sendgrid: SendGridControl) -> None:
    letter = batch(f"Please confirm: {CONFIRM_TAG}", {CONFIRM_TAG: f"{SITE}/confirm/ana.z"}, "account")
    OutboxProvider(tmp_path, SENDER).send(letter, NOW)
    mail = file_of(tmp_path)
    assert not [name for name in mail if name.startswith("List-Unsubscribe")]
    assert mail["Auto-Submitted"] == "auto-generated"
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    assert provider.send(letter, NOW).kind == "accepted"  # the fake refuses a letter with that header


def test_nobody_gets_a_mail_with_a_hole_where_a_link_should_be(tmp_path: Path) -> None:
    outcome = OutboxProvider(tmp_path, SENDER).send(
        batch(WORDS, {UNSUBSCRIBE_TAG: DIGEST_LINKS[UNSUBSCRIBE_TAG]}), NOW
    )
    assert (outcome.kind, outcome.refused) == ("refused", {ANA: "a link is missing"})


def test_a_link_that_would_need_escaping_stops_that_mail(tmp_path: Path) -> None:
    outcome = OutboxProvider(tmp_path, SENDER).send(
        batch(WORDS, {**DIGEST_LINKS, MANAGE_TAG: f'{SITE}/manage/"x'}), NOW
    )
    assert outcome.refused == {ANA: "link is not fit for a header"}
