"""What SendGrid says about the account, each fault with its remedy."""

from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, text

from tests.fakes.certificates import Certificate
from tests.fakes.sendgrid.account import SEES_ALL, TRACKING
from tests.fakes.sendgrid.control import SendGridControl, in_thread
from tests.ops.doctor.conftest import Patient, hook

CHECKS = ("sendgrid-key", "sendgrid-tracking", "sendgrid-sender", "sendgrid-webhook", "clock-sendgrid")


def test_all_is_as_it_should_be(with_sendgrid: Patient) -> None:
    said = {finding.check: finding.status for finding in with_sendgrid.findings()}
    assert {check: said[check] for check in CHECKS} == dict.fromkeys(CHECKS, "pass")


def test_a_wrong_key_is_told_once_and_never_shown(with_sendgrid: Patient) -> None:
    with_sendgrid.change(sendgrid_api_key=SecretStr("SG.wrong-key-of-somebody.else-entirely-1"))
    findings = with_sendgrid.findings()
    assert [
        finding.check for finding in findings if finding.status == "fail" and "sendgrid" in finding.check
    ] == ["sendgrid-key"]
    found = with_sendgrid.found("sendgrid-key")
    assert "refuses the key" in found.what
    assert "SENDGRID_API_KEY" in found.remedy
    assert "somebody" not in str(findings)


def test_nobody_answers_there(with_sendgrid: Patient) -> None:
    with_sendgrid.change(sendgrid_api_url="http://127.0.0.1:9")
    assert "cannot be reached" in with_sendgrid.found("sendgrid-key").what
    assert with_sendgrid.found("sendgrid-tracking").status == "warn"


@pytest.mark.parametrize("name", TRACKING)
def test_tracking_that_is_switched_on(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl, name: str
) -> None:
    fake_sendgrid.account(tracking={**dict.fromkeys(TRACKING, False), name: True})
    found = with_sendgrid.found("sendgrid-tracking")
    assert (found.status, name in found.what) == ("warn", True), "each call of ours switches it off"


@pytest.mark.parametrize("enabled", [True, False])
def test_opens_that_really_came_are_a_fault_whatever_the_account_says(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl, engine: Engine, enabled: bool
) -> None:
    fake_sendgrid.account(tracking=dict.fromkeys(TRACKING, enabled))
    with engine.begin() as conn:
        conn.execute(
            text(
                """INSERT INTO feedback_events (event_id, kind, occurred_at, received_at)
                   VALUES ('one', 'open', now(), now())"""
            )
        )
    found = with_sendgrid.found("sendgrid-tracking")
    assert (found.status, "1 opens and clicks came" in found.what) == ("fail", True)


def test_a_key_that_may_only_send_leaves_the_rest_unseen_and_that_is_no_failure(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl
) -> None:
    fake_sendgrid.account(scopes=["mail.send"])
    said = {finding.check: finding.status for finding in with_sendgrid.findings()}
    assert said["sendgrid-key"] == "pass"
    assert [said[f"sendgrid-{name}"] for name in ("tracking", "sender", "webhook")] == ["warn"] * 3


@pytest.mark.parametrize(
    ("scopes", "status", "words"),
    [
        ([name for name in SEES_ALL if name != "mail.send"], "fail", "may not send"),
        ([*SEES_ALL, "api_keys.create"], "warn", "everything"),
    ],
)
def test_a_key_that_may_too_little_or_too_much(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl, scopes: list[str], status: str, words: str
) -> None:
    fake_sendgrid.account(scopes=scopes)
    found = with_sendgrid.found("sendgrid-key")
    assert (found.status, words in found.what) == (status, True)


@pytest.mark.parametrize(
    ("account", "status", "words"),
    [
        ({"domains": [{"domain": "example.org", "valid": False}]}, "fail", "not valid"),
        ({"domains": [{"domain": "example.com", "valid": True}]}, "fail", "knows neither"),
        (
            {"domains": [], "senders": [{"from_email": "updates@example.org", "verified": True}]},
            "warn",
            "single",
        ),
        (
            {"domains": [], "senders": [{"from_email": "updates@example.org", "verified": False}]},
            "fail",
            "neither",
        ),
    ],
)
def test_a_sender_that_mailboxes_will_not_trust(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl, account: dict[str, Any], status: str, words: str
) -> None:
    fake_sendgrid.account(**account)
    found = with_sendgrid.found("sendgrid-sender")
    assert (found.status, words in found.what) == (status, True)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"enabled": False}, "switched off"),
        ({"url": "https://elsewhere.example.com/webhooks/sendgrid"}, "No event webhook leads here"),
        ({"public_key": ""}, "not signed"),
        ({"public_key": "another"}, "another key"),
        ({"bounce": False, "spam_report": False}, "leaves out: bounce, spam_report"),
    ],
)
def test_a_webhook_that_will_not_tell(
    with_sendgrid: Patient, fake_sendgrid: SendGridControl, changes: dict[str, Any], words: str
) -> None:
    fake_sendgrid.account(webhooks=[hook(fake_sendgrid, **changes)])
    found = with_sendgrid.found("sendgrid-webhook")
    assert found.status == "fail"
    assert words in found.what


def test_a_webhook_whose_key_is_not_set(with_sendgrid: Patient) -> None:
    with_sendgrid.change(sendgrid_webhook_public_keys=[])
    assert "SENDGRID_WEBHOOK_PUBLIC_KEYS is not set" in with_sendgrid.found("sendgrid-webhook").what


def test_a_clock_that_is_not_sendgrid_s(with_sendgrid: Patient, fake_sendgrid: SendGridControl) -> None:
    fake_sendgrid.account(skew_s=600)
    found = with_sendgrid.found("clock-sendgrid")
    assert (found.status, "behind" in found.what) == ("fail", True)


def test_sendgrid_itself_has_a_fault(with_sendgrid: Patient, fake_sendgrid: SendGridControl) -> None:
    fake_sendgrid.account(status=503)
    said = {finding.check: finding.status for finding in with_sendgrid.findings()}
    assert said["sendgrid-key"] == said["sendgrid-tracking"] == "warn"


def test_a_certificate_that_is_not_trusted_is_told_as_that(
    with_sendgrid: Patient, certificate: Certificate
) -> None:
    with in_thread(certificate=certificate) as fake:
        with_sendgrid.change(sendgrid_api_url=fake.url)
        assert "certificate is not trusted" in with_sendgrid.found("sendgrid-key").what
