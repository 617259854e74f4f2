"""What a setting may be. A refusal names the remedy and never repeats the value, which may be a secret."""

import base64
import binascii
import re
from email.utils import parseaddr
from urllib.parse import urlsplit

from pydantic import SecretStr

MIN_SECRET_CHARS = 32
MIN_PASSWORD_CHARS = 12
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def postgres_url(value: str | None) -> str | None:
    """Accept the `postgres://` of Procfile hosts; the driver is always psycopg 3."""
    if not value:
        return None
    if not re.match(r"postgres(ql)?(\+psycopg)?://", value):
        raise ValueError(
            "is not a PostgreSQL address; it looks like postgresql://user:password@host:5432/name"
        )
    return re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", value)


def redis_url(value: str | None) -> str | None:
    if value and not re.match(r"rediss?://", value):
        raise ValueError("is not a Redis address; it looks like redis://:password@host:6379/0")
    return value or None


def https_or_loopback(value: str) -> str:
    """Returned without a slash at its end."""
    scheme, host = urlsplit(value).scheme, urlsplit(value).hostname
    if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
        raise ValueError("must begin with https:// and a host name (http:// is for this machine only)")
    return value.rstrip("/")


def study_url(value: str) -> str:
    if not re.match(r"https?://", value) or "{nct_id}" not in value:
        raise ValueError(
            "must be a web address with {nct_id} in it, such as https://example.org/studies/{nct_id}"
        )
    return value


def mailbox(value: str) -> str:
    if not re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", parseaddr(value)[1]) or not value.isprintable():
        raise ValueError("is not a mail address; it looks like Study updates <updates@example.org>")
    return value


def public_key(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("is not a public key; copy it from SendGrid's page of the event webhook") from None
    return value


def split(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def on_this_machine(url: str) -> bool:
    return urlsplit(url).hostname in LOOPBACK


def weak_keys(name: str, keys: list[SecretStr]) -> list[str]:
    problems = []
    for number, key in enumerate(keys, 1):
        text = key.get_secret_value()
        if len(text) < MIN_SECRET_CHARS or len(set(text)) < 8:
            why = f"has {len(text)} characters" if len(text) < MIN_SECRET_CHARS else "is too simple"
            problems.append(
                f"{name}: key {number} {why}; it needs {MIN_SECRET_CHARS} or more, and `openssl rand -hex 32` makes one"
            )
    return problems
