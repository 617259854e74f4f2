"""E-mail addresses: which ones can be sent to, how they are compared, and how they are shown."""

import re
import unicodedata

import idna
from email_validator import EmailNotValidError, validate_email

MAX_ADDRESS_CHARS = 254  # RFC 5321: 256 octets with the angle brackets
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_PLAIN = re.compile(rf"(?=.{{1,64}}@)({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)+[a-z]{{2,63}})", re.IGNORECASE)
# Names that never leave the machine they are used on (RFC 2606, RFC 6761, RFC 7686, RFC 8375).
_NOWHERE = re.compile(r"(?:^|\.)(?:test|invalid|localhost|local|onion|arpa)$")


class BadAddress(ValueError):
    """`str()` is the reason, without the address."""


def clean_address(text: str) -> str:
    """Return the address as it is sent to: as typed, the domain in lower case and ASCII. Raises BadAddress."""
    text = text.strip(" \t")
    plain = _PLAIN.fullmatch(text)
    if plain and len(text) <= MAX_ADDRESS_CHARS and not _needs_a_closer_look(plain[2].lower()):
        return f"{plain[1]}@{plain[2].lower()}"
    _refuse_the_dangerous(text)
    try:
        checked = validate_email(text, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise BadAddress(_reason(text)) from None
    if checked.ascii_email is None or len(checked.ascii_email) > MAX_ADDRESS_CHARS:
        raise BadAddress(f"is longer than {MAX_ADDRESS_CHARS} characters")
    return checked.ascii_email


def address_key(address: str) -> str:
    """One text for one mailbox. Dots and plus tags count: only the mailbox's owner knows what they mean."""
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    return local.casefold() + at + _ascii(domain).lower()


def mask_address(address: str) -> str:
    """ "anna@example.org" is shown as "a•••@example.org": enough to recognise one's own."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def _refuse_the_dangerous(text: str) -> None:
    if not text:
        raise BadAddress("is empty")
    if any(unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp", "Cs") for char in text):
        raise BadAddress("contains a line break or a control character")
    if len(text) > MAX_ADDRESS_CHARS:
        raise BadAddress(f"is longer than {MAX_ADDRESS_CHARS} characters")
    local, at, _ = text.rpartition("@")
    if not at:
        raise BadAddress("has no @")
    if not local.isascii():
        raise BadAddress("has a letter before the @ that mail services do not take; use a to z")
    if len(local) > 64:
        raise BadAddress("has more than 64 characters before the @")
    if '"' in local:
        raise BadAddress("has quotation marks, which mail services do not take")


def _needs_a_closer_look(domain: str) -> bool:
    """Punycode may decode to nothing, and special names are no places on the net."""
    return "--" in domain or _NOWHERE.search(domain) is not None


def _ascii(domain: str) -> str:
    if domain.isascii():
        return domain
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError:
        return domain


def _reason(text: str) -> str:
    """The library's reasons name parts of the address; ours must not, as they go to logs and reports."""
    domain = text.rpartition("@")[2].lower()
    if " " in text:
        return "contains a space"
    if text.count("@") > 1:
        return "has more than one @"
    if _NOWHERE.search(domain):
        return "has a domain that is not on the internet"
    return "is not an e-mail address" if "." in domain else "is not complete after the @"
