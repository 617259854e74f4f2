import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from notifier.delivery.providers import make_provider, sendgrid_http
from notifier.delivery.providers.outbox import OutboxProvider
from notifier.delivery.providers.sendgrid import SendGridProvider
from notifier.delivery.providers.smtp import SmtpProvider
from notifier.settings import Settings
from tests.fakes.batches import NOW, SENDER, make_batch, many

REAL = {
    "secret_keys": "a-long-enough-signing-key-0123456789abcdef",
    "public_url": "https://alerts.example.org",
    "mail_from": "Study updates <updates@example.org>",
    "mail_reply_to": "help@example.org",
    "postal_address": "Study updates, 1 Example Street",
    "terms_url": "https://updates.example.org/terms",
    "privacy_url": "https://updates.example.org/privacy",
}


def sending_connections(fake):
    """Without the one that asks."""
    return fake.stats()["connections"] - 1


def test_calls_after_one_another_share_a_connection(fake_sendgrid_tls):
    provider = SendGridProvider(fake_sendgrid_tls.url, fake_sendgrid_tls.api_key, SENDER)
    for _ in range(50):
        assert provider.send(make_batch(people=many(2)), NOW).kind == "accepted"
    assert sending_connections(fake_sendgrid_tls) == 1


def test_calls_at_the_same_time_have_a_connection_each_and_keep_it(fake_sendgrid_tls):
    provider = SendGridProvider(fake_sendgrid_tls.url, fake_sendgrid_tls.api_key, SENDER)
    fake_sendgrid_tls.script(latency=0.02)
    with ThreadPoolExecutor(16) as pool:
        batches = [make_batch(people=many(1)) for _ in range(200)]
        outcomes = list(pool.map(lambda batch: provider.send(batch, NOW), batches))
    assert {outcome.kind for outcome in outcomes} == {"accepted"}
    assert len({mail["delivery_id"] for mail in fake_sendgrid_tls.mails()}) == 200
    assert sending_connections(fake_sendgrid_tls) <= 16


def test_a_connection_that_has_long_been_idle_is_not_trusted(fake_sendgrid, monkeypatch):
    monkeypatch.setattr(sendgrid_http, "IDLE_SECONDS", 0)
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    for _ in range(3):
        assert provider.send(make_batch(people=many(1)), NOW).kind == "accepted"
    assert sending_connections(fake_sendgrid) == 3


def test_a_base_url_with_a_path_keeps_it(fake_sendgrid):
    outcome = SendGridProvider(f"{fake_sendgrid.url}/eu", fake_sendgrid.api_key, SENDER).send(
        make_batch("ana@example.org"), NOW
    )
    assert (outcome.kind, outcome.reason) == ("account", "HTTP 404: not found")


def test_the_official_client_is_not_used_and_nothing_is_logged_above_debug(fake_sendgrid, caplog):
    caplog.set_level(logging.INFO)
    provider = SendGridProvider(fake_sendgrid.url, fake_sendgrid.api_key, SENDER)
    fake_sendgrid.script("500", "reset_before")
    for _ in range(3):
        provider.send(make_batch("ana@example.org"), NOW)
    assert caplog.records == []


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, OutboxProvider),
        ({"mail_provider": "smtp", "smtp_url": "smtp://localhost:2525", **REAL}, SmtpProvider),
        ({"mail_provider": "sendgrid", "sendgrid_api_key": "SG.key", **REAL}, SendGridProvider),
    ],
)
def test_the_settings_choose_the_provider(settings, kind, tmp_path):
    provider = make_provider(Settings(_env_file=None, notifier_home=tmp_path, **settings))
    assert isinstance(provider, kind)
    assert provider.repeatable == (provider.name == "outbox")
    provider.close()
