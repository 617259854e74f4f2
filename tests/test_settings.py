import base64
import re
from itertools import pairwise
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from notifier.errors import NotifierError
from notifier.settings import Settings, load_settings
from tasks.app import config
from tests.paths import ROOT

GOOD_KEY = "0123456789abcdef0123456789abcdef"
REAL_MAIL = {
    "SECRET_KEYS": GOOD_KEY,
    "PUBLIC_URL": "https://updates.example.org",
    "MAIL_FROM": "Updates <updates@example.org>",
    "MAIL_REPLY_TO": "help@example.org",
    "POSTAL_ADDRESS": "1 Real Street, Real Town",
    "TERMS_URL": "https://www.example.org/terms",
    "PRIVACY_URL": "https://www.example.org/privacy",
    "MAIL_PROVIDER": "sendgrid",
    "SENDGRID_API_KEY": "SG.made-up",
}


@pytest.fixture
def load(monkeypatch, tmp_path):
    """Settings as a command sees them: from these variables, in a folder without a .env."""
    monkeypatch.chdir(tmp_path)

    def load_with(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        load_settings.cache_clear()
        return load_settings()

    yield load_with
    load_settings.cache_clear()


def refusal(load, **variables: str) -> str:
    with pytest.raises(NotifierError) as caught:
        load(**variables)
    return str(caught.value)


def der(key) -> str:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(spki).decode()


def test_nothing_set_is_enough_for_one_machine(load):
    settings = load()
    assert settings.mail_provider == "outbox"
    assert settings.database_url is None
    assert settings.outbox_path == Path(".notifier/outbox")


def test_an_empty_variable_counts_as_not_set(load):
    assert load(DATABASE_URL="", PORT="", SECRET_KEYS="") == load()


def test_a_dot_env_file_is_read_and_the_environment_wins(load, tmp_path):
    (tmp_path / ".env").write_text("PORT=9001\nDIGEST_HOUR=7\n")
    settings = load(DIGEST_HOUR="6")
    assert (settings.port, settings.digest_hour) == (9001, 6)


def test_a_dot_env_file_that_is_not_text_is_named(load, tmp_path):
    (tmp_path / ".env").write_bytes(b"PORT=\xff\xfe")
    assert "The file .env is not UTF-8 text. Save it as UTF-8." in refusal(load)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_the_addresses_of_procfile_hosts_are_taken_as_they_are(load, scheme):
    settings = load(DATABASE_URL=f"{scheme}://user:word@db.example.org/app?sslmode=require")
    assert settings.database_url == "postgresql+psycopg://user:word@db.example.org/app?sslmode=require"


def test_lists_are_separated_by_commas(load):
    one, two = der(ec.generate_private_key(ec.SECP256R1())), der(ec.generate_private_key(ec.SECP256R1()))
    settings = load(SECRET_KEYS=f"{GOOD_KEY}, {GOOD_KEY[::-1]},", SENDGRID_WEBHOOK_PUBLIC_KEYS=f"{one},{two}")
    assert [key.get_secret_value() for key in settings.secret_keys] == [GOOD_KEY, GOOD_KEY[::-1]]
    assert settings.sendgrid_webhook_public_keys == [one, two]


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DATABASE_URL", "mysql://user:hunter2@host/db", "it looks like postgresql://"),
        ("REDIS_URL", "hunter2:6379", "it looks like redis://"),
        ("PORT", "hunter2", "valid integer"),
        ("PORT", "70000", "65535"),
        ("PUBLIC_URL", "http://hunter2.example.org", "must begin with https://"),
        ("PUBLIC_URL", "https://", "and a host name"),
        ("PUBLIC_URL", "https://example.org:hunter2", "the port is 1 to 65535"),
        ("PUBLIC_URL", "https://example.org:70000/hunter2", "the port is 1 to 65535"),
        ("PUBLIC_URL", "https://example.org/?a=hunter2", "no user name, query, fragment"),
        ("PUBLIC_URL", "https://example.org/#hunter2", "no user name, query, fragment"),
        ("PUBLIC_URL", "https://hunter2@example.org", "no user name, query, fragment"),
        ("PUBLIC_URL", "https://example.org/hunter2 a", "space or parenthesis"),
        ("PUBLIC_URL", "https://example.org/(hunter2)", "space or parenthesis"),
        ("PUBLIC_URL", "https://example.org/hunter2é", "breaks links"),
        ("PUBLIC_URL", "https://hunter2..example.org", "cannot exist"),
        ("PUBLIC_URL", "https://hunter2-\N{SNOWMAN}.example.org", "cannot exist"),
        ("DATABASE_URL", "postgres://user:hunter2@host:port/db", "the port must be a number"),
        ("DATABASE_URL", "postgres://user:hunter2@host:70000/db", "outside 1 to 65535"),
        ("REDIS_URL", "redis://:hunter2@host:port/0", "the port is 1 to 65535"),
        ("REDIS_URL", "redis://host:6379/hunter2", "the number of a database"),
        ("REDIS_URL", "redis://:hunter2@/0", "has no host name"),
        ("MAIL_FROM", "Études <hunter2@example.org>", "is not a mail address in ASCII"),
        ("MAIL_FROM", "a@example.org, hunter2@example.org", "is not a mail address"),
        ("PUBLIC_URL", "http://[hunter2", "has a host or port that cannot be read"),
        (
            "SECRET_KEYS",
            f"{GOOD_KEY},hunter2",
            "key 2 has 7 characters; it needs 32 or more, and `openssl rand",
        ),
        ("SECRET_KEYS", "hunter2" * 5 + "," + "2" * 32, "key 1 is too simple"),
        ("API_KEYS", "hunter2", "`openssl rand -hex 32` makes one"),
        ("MAIL_PROVIDER", "hunter2", "'sendgrid', 'smtp' or 'outbox'"),
        ("MAIL_FROM", "hunter2", "it looks like Study updates <updates@example.org>"),
        ("MAIL_REPLY_TO", "help@example.org\nBcc: hunter2@example.org", "is not a mail address"),
        ("SENDGRID_WEBHOOK_PUBLIC_KEYS", "hunter2!", "copy it from SendGrid's page"),
        ("SITE_STUDY_URL", "https://hunter2.example.org/studies", "with {nct_id} in it"),
        ("OPS_PASSWORD", "hunter2", "set both, or none"),
        ("BATCH_SIZE", "0", "greater than or equal to 1"),
        ("DIGEST_HOUR", "24", "less than or equal to 23"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy_and_its_value_is_kept_secret(load, name, value, remedy):
    message = refusal(load, **{name: value})
    assert name in message
    assert remedy in message
    assert "hunter2" not in message
    assert "See .env.example" in message


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("https://bücher.example.org:8443/news/", "https://xn--bcher-kva.example.org:8443/news"),
        ("https://updates.example.org/", "https://updates.example.org"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_links_in_mail_are_made_of_plain_letters(load, given, taken):
    assert load(PUBLIC_URL=given).public_url == taken


@pytest.mark.parametrize(
    "mailbox", ["a@example.org", "<a@example.org>", "Dr. A <a@example.org>", '"A, B" <a@example.org>']
)
def test_a_sender_may_have_a_name(load, mailbox):
    assert load(MAIL_FROM=mailbox).mail_from == mailbox


def test_only_a_p256_public_key_can_check_the_webhook(load):
    others = [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)]
    for text in ["QUJD", *map(der, others)]:
        assert "SENDGRID_WEBHOOK_PUBLIC_KEYS: is not a public key" in refusal(
            load, SENDGRID_WEBHOOK_PUBLIC_KEYS=text
        )


def test_all_wrong_settings_are_named_at_once(load):
    message = refusal(load, PORT="x", DIGEST_HOUR="99", MAIL_FROM="x")
    assert all(name in message for name in ("PORT", "DIGEST_HOUR", "MAIL_FROM"))


def test_settings_for_real_mail_are_accepted_when_they_are_complete(load):
    assert load(**REAL_MAIL).mail_provider == "sendgrid"


@pytest.mark.parametrize("name", sorted(set(REAL_MAIL) - {"MAIL_PROVIDER"}))
def test_mail_to_real_people_does_not_start_with_an_example_or_without_a_key(load, name):
    message = refusal(load, **{key: value for key, value in REAL_MAIL.items() if key != name})
    assert f"{name} is missing" in message


def test_links_in_mail_to_real_people_must_not_lead_to_this_machine(load):
    message = refusal(load, **REAL_MAIL | {"PUBLIC_URL": "http://localhost:8000"})
    assert "PUBLIC_URL leads to this machine only" in message


def test_pages_for_development_are_off_and_stay_off_where_mail_goes_to_real_people(load):
    assert not load().dev_pages
    assert "DEV_PAGES is on" in refusal(load, **REAL_MAIL | {"DEV_PAGES": "true"})


def test_smtp_needs_its_server(load):
    assert "SMTP_URL is missing" in refusal(load, MAIL_PROVIDER="smtp")


@pytest.mark.parametrize(
    "provider",
    [
        {"MAIL_PROVIDER": "smtp", "SMTP_URL": "smtp://127.0.0.1:1025"},
        {"MAIL_PROVIDER": "sendgrid", "SENDGRID_API_KEY": "x", "SENDGRID_API_URL": "http://localhost:9000"},
    ],
)
def test_a_mail_catcher_on_this_machine_needs_nothing_else(load, provider):
    assert load(**provider).mail_provider == provider["MAIL_PROVIDER"]


def test_a_short_password_for_the_ops_pages_is_refused(load):
    assert "OPS_PASSWORD is too short" in refusal(load, OPS_USERNAME="ops", OPS_PASSWORD="hunter2")


def test_printing_the_settings_shows_no_secret(load):
    settings = load(
        **REAL_MAIL,
        DATABASE_URL="postgres://user:hunter2@host/db",
        REDIS_URL="redis://:hunter2@host",
        SMTP_URL="smtp://user:hunter2@host",
    )
    assert "hunter2" not in repr(settings)
    assert GOOD_KEY not in repr(settings)


def test_the_example_file_shows_each_setting_once_with_its_sentence_and_default():
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = {}
    for comment, line in pairwise(lines):
        if found := re.fullmatch(r"#([A-Z_]+)=(.*)", line):
            assert found[1] not in shown
            shown[found[1]] = (comment.removeprefix("# "), found[2])
    expected = {}
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        expected[name.upper()] = (field.description, "" if default in (None, []) else str(default))
    assert shown == expected


def test_a_worker_with_a_wrong_setting_stops_with_one_line(load, monkeypatch, capsys):
    monkeypatch.setenv("PORT", "x")
    load_settings.cache_clear()
    with pytest.raises(SystemExit) as stopped:
        config()
    assert stopped.value.code == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("Stopped: Settings: PORT: ")
