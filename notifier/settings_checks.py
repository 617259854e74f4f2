"""What a setting may be. A refusal names the remedy and never repeats the value, which may be a secret."""

import base64
import re
from email.utils import parseaddr
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

import idna
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from pydantic import SecretStr
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

MIN_SECRET_CHARS = 32
MIN_PASSWORD_CHARS = 12
LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ADDRESS = r"[^@\s<>(),:;\"\\]+@[A-Za-z0-9.-]+"
_MAILBOX = re.compile(rf'(?:"[^"\\<>]*" *|[^"\\<>(),:;@]*)<{_ADDRESS}>|{_ADDRESS}')
_HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?|[0-9a-f.]*:[0-9a-f:.]+")
_PATH = re.compile(r"[A-Za-z0-9/._~%-]*")


def postgres_url(value: str | None) -> str | None:
    """Accept the `postgres://` of Procfile hosts; the driver is always psycopg 3."""
    if not value:
        return None
    shape = "it looks like postgresql://user:password@host:5432/name"
    if not re.match(r"postgres(ql)?(\+psycopg)?://", value):
        raise ValueError(f"is not a PostgreSQL address; {shape}")
    url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql+psycopg://", value)
    try:
        port = make_url(url).port
    except (ArgumentError, ValueError):
        raise ValueError(f"cannot be read, the port must be a number; {shape}") from None
    if port is not None and not 0 < port < 65536:
        raise ValueError(f"has a port outside 1 to 65535; {shape}")
    return url


def redis_url(value: str | None) -> str | None:
    shape = "it looks like redis://:password@host:6379/0"
    if not value:
        return None
    if not re.match(r"rediss?://", value):
        raise ValueError(f"is not a Redis address; {shape}")
    parts = _split_url(value, shape)
    if not parts.hostname:
        raise ValueError(f"has no host name; {shape}")
    if not re.fullmatch(r"(/[0-9]*)?", parts.path):
        raise ValueError(f"must end with the number of a database; {shape}")
    return value


def https_or_loopback(value: str) -> str:
    """Returned without a slash at its end."""
    parts = _split_url(value, "it looks like https://updates.example.org")
    scheme, host = parts.scheme, parts.hostname
    if not host or not (scheme == "https" or (scheme == "http" and host in LOOPBACK)):
        raise ValueError("must begin with https:// and a host name (http:// is for this machine only)")
    return value.rstrip("/")


def secret_url(value: SecretStr | None) -> SecretStr | None:
    if value is not None:
        https_or_loopback(value.get_secret_value())
    return value


def public_url(value: str) -> str:
    """The base of links in mail, all ASCII: the host as the net knows it, and nothing that could break a link."""
    shape = "it looks like https://updates.example.org"
    value = https_or_loopback(value)
    parts = urlsplit(value)
    if re.search(r"[?#@\\()\s]", value):
        raise ValueError(f"must have no user name, query, fragment, space or parenthesis; {shape}")
    if not _PATH.fullmatch(parts.path):
        raise ValueError(f"has a sign after the host that breaks links; use a to z, 0 to 9 and -; {shape}")
    host = parts.hostname or ""
    try:
        host = host if host.isascii() else idna.encode(host, uts46=True).decode("ascii")
    except idna.IDNAError:
        host = ""
    if not _HOST.fullmatch(host):
        raise ValueError(f"has a host name that cannot exist; {shape}")
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}{parts.path}"


def _split_url(value: str, shape: str) -> SplitResult:
    """The parser's own errors are not shown: they repeat the value."""
    try:
        parts = urlsplit(value)
        if parts.port == 0 or parts.netloc.endswith(":"):
            raise ValueError
    except ValueError:
        raise ValueError(f"has a host or port that cannot be read, the port is 1 to 65535; {shape}") from None
    return parts


def origin(value: str) -> str:
    """As browsers send it: scheme, host and port, in lower case."""
    shape = "it looks like https://www.example.org"
    value = https_or_loopback(value).lower()
    parts = urlsplit(value)
    if (
        parts.path
        or parts.query
        or parts.fragment
        or "@" in parts.netloc
        or not _HOST.fullmatch(parts.hostname or "")
    ):
        raise ValueError(f"must be a scheme and a host only; {shape}")
    return value


def zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError("is not a known time zone; it looks like Europe/Berlin")
    return value


def study_url(value: str) -> str:
    if not re.match(r"https?://", value) or "{nct_id}" not in value:
        raise ValueError(
            "must be a web address with {nct_id} in it, such as https://example.org/studies/{nct_id}"
        )
    return value


def mailbox(value: str) -> str:
    shape = "it looks like Study updates <updates@example.org>"
    if not value.isascii():
        raise ValueError(f"is not a mail address in ASCII; write it with a to z only, {shape}")
    if not _MAILBOX.fullmatch(value) or not value.isprintable() or "@" not in parseaddr(value)[1]:
        raise ValueError(f"is not a mail address; {shape}")
    return value


def public_key(value: str) -> str:
    if p256_key(value) is None:
        raise ValueError("is not a public key; copy it from SendGrid's page of the event webhook")
    return value


def p256_key(value: str) -> EllipticCurvePublicKey | None:
    """The key of a signed event webhook, from base64 DER as SendGrid shows it; None for anything else."""
    try:
        key = load_der_public_key(base64.b64decode(value, validate=True))
    except Exception:  # the parser's errors are of many kinds
        return None
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        return None
    return key


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
