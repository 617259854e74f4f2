"""Is this webhook call SendGrid's own? (signed event webhook, ECDSA P-256 with SHA-256)"""

import re
from base64 import b64decode
from collections.abc import Iterable
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.hashes import SHA256

from notifier.settings_checks import p256_key

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
_TIMESTAMP = re.compile(r"[0-9]{10}")
_public_key = cache(p256_key)
_LONGEST_SIGNATURE = 200  # base64 of a DER pair of 256-bit numbers is 96 characters


def verify(raw_body: bytes, signature: str | None, timestamp: str | None, keys: Iterable[str]) -> bool:
    """True if one of the public keys (base64 DER, as SendGrid shows them) signed these very bytes.

    Timestamp and body are signed with nothing between them, so a digit could move from one to the other: the
    timestamp must be ten digits and the body a list. Its age is not looked at: retries go on for 24 hours.
    Never raises; without a usable key nothing is genuine.
    """
    if not signature or not timestamp or len(signature) > _LONGEST_SIGNATURE:
        return False
    if not _TIMESTAMP.fullmatch(timestamp) or not raw_body.startswith(b"["):
        return False
    try:
        decoded = b64decode(signature, validate=True)
    except ValueError:
        return False
    signed = timestamp.encode("ascii") + raw_body
    return any(_signed_by(key, decoded, signed) for key in keys)


def _signed_by(key: str, signature: bytes, signed: bytes) -> bool:
    public = _public_key(key)
    if public is None:
        return False
    try:
        public.verify(signature, signed, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
