"""Secrets and names: missing, weak, taken from an example, or one for two things."""

import re
from collections.abc import Iterator

from pydantic import SecretStr

from notifier.ops.doctor.finding import Finding, doubtful, well, wrong
from notifier.settings import FOR_REAL_MAIL, Settings
from notifier.settings_checks import on_this_machine

MAKE_ONE = "Make one with `openssl rand -hex 32`, set it, and restart all processes."
# What stands in guides, templates and tests instead of a secret.
_EXAMPLE = re.compile(
    r"change.?(me|this|it)|replace.?(me|this|with)|example|sample|default|insecure|not.?a?.?secret|dummy|your.?(own.?)?(secret|key)"
    r"|(for|in).?tests?|test.?key|password|passwort|letmein|qwerty|lorem|0123456789|123456789|abcdefgh|deadbeef|foobar",
    re.I,
)
_EXAMPLE_HOST = re.compile(r"(?:@|//|\.)example\.(?:org|com|net)\b|\bExample (?:Street|Town)\b")


def secrets(settings: Settings) -> Iterator[Finding]:
    found = [*_keys(settings), *_login(settings), *_twice(settings), *_provider_key(settings)]
    yield from found or [well("secrets", "No key or password is missing, short, or taken from an example.")]


def names(settings: Settings) -> Iterator[Finding]:
    """What stands in every mail; asked only where mail reaches real people."""
    if not for_real_people(settings):
        return
    still = [
        name.upper()
        for name in FOR_REAL_MAIL
        if name != "secret_keys" and _EXAMPLE_HOST.search(str(getattr(settings, name)))
    ]
    if still:
        yield wrong(
            "names",
            f"{', '.join(still)}: still as in the example.",
            why="It stands in every mail; the law asks for an address that is true.",
            remedy="Set your own.",
        )
    else:
        yield well("names", "Sender, reply address and postal address are your own.")
    if not settings.heartbeat_url:
        yield doubtful(
            "watcher",
            "HEARTBEAT_URL is not set.",
            why="Nobody outside notices when this machine, or Prometheus itself, is gone.",
            remedy="Give it the address of a watcher such as Healthchecks; see docs/guides/operators.md.",
        )


def for_real_people(settings: Settings) -> bool:
    if settings.mail_provider == "outbox":
        return False
    url = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
    return not on_this_machine(settings.sendgrid_api_url if settings.mail_provider == "sendgrid" else url)


def _keys(settings: Settings) -> Iterator[Finding]:
    public = not on_this_machine(settings.public_url)
    if not settings.secret_keys and public:
        yield doubtful(
            "secrets",
            "SECRET_KEYS is not set; a key was made and lies in NOTIFIER_HOME.",
            why="A second machine would make another one, and links in mail would work on one of them only.",
            remedy="Put the key of NOTIFIER_HOME/secret-key into SECRET_KEYS on every machine.",
        )
    for name in ("secret_keys", "api_keys"):
        for number, key in enumerate(getattr(settings, name), 1):
            if _is_example(key):
                yield wrong(
                    "secrets",
                    f"{name.upper()}: key {number} looks like an example's.",
                    why="Whoever knows it can sign links, or push studies.",
                    remedy=_new_key(name, number),
                )
    if public and not settings.api_keys and not settings.poll_registry:
        yield doubtful(
            "secrets",
            "API_KEYS is not set.",
            why="The site can push no studies and no cards.",
            remedy="Set it where the site pushes; where you read the registry instead, set POLL_REGISTRY.",
        )


def _new_key(name: str, number: int) -> str:
    if name == "secret_keys" and number == 1:
        return (
            "Before the first mail: " + MAKE_ONE + " After it the first key hashes addresses and must stay: "
            "add a new one at the end, so that it signs."
        )
    return MAKE_ONE


def _login(settings: Settings) -> Iterator[Finding]:
    password = settings.ops_password
    if password is None:
        if not on_this_machine(settings.public_url):
            yield doubtful(
                "secrets",
                "OPS_USERNAME and OPS_PASSWORD are not set.",
                why="The operators' pages and /metrics are closed to everybody.",
                remedy="Set both.",
            )
        return
    words = password.get_secret_value()
    if _is_example(password) or _is_like(words.casefold(), (settings.ops_username or "").casefold()):
        yield wrong(
            "secrets",
            "OPS_PASSWORD can be guessed.",
            why="Whoever signs in can read what people follow.",
            remedy="Make one with `openssl rand -base64 18`.",
        )


def _is_like(password: str, name: str) -> bool:
    """One letter of a name is in most passwords by chance."""
    return name in password and (len(name) >= 3 or len(password.replace(name, "")) < 8)


def _twice(settings: Settings) -> Iterator[Finding]:
    of = {
        "SECRET_KEYS": settings.secret_keys,
        "API_KEYS": settings.api_keys,
        "OPS_PASSWORD": [settings.ops_password] if settings.ops_password else [],
    }
    seen: dict[str, str] = {}
    for name, keys in of.items():
        for key in {key.get_secret_value() for key in keys}:
            if key in seen:
                yield wrong(
                    "secrets",
                    f"{seen[key]} and {name} hold the same secret.",
                    why="Whoever is given one can do what the other is for.",
                    remedy=MAKE_ONE,
                )
            seen[key] = name


def _provider_key(settings: Settings) -> Iterator[Finding]:
    key = settings.sendgrid_api_key
    if settings.mail_provider == "sendgrid" and key and not _looks_like_sendgrid(key):
        yield doubtful(
            "secrets",
            "SENDGRID_API_KEY does not look like a key of SendGrid.",
            why='Theirs begin with "SG." and have two more parts.',
            remedy="Copy it anew; SendGrid shows a key only once.",
        )


def _looks_like_sendgrid(key: SecretStr) -> bool:
    return re.fullmatch(r"SG\.[\w-]{16,}\.[\w-]{16,}", key.get_secret_value()) is not None


def _is_example(key: SecretStr) -> bool:
    return _EXAMPLE.search(key.get_secret_value()) is not None
