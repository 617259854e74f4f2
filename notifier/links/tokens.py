"""Signed links. A token carries a purpose and an opaque id, and nothing about the person."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer

MAX_TOKEN_CHARS = 256
_UNSUBSCRIBE = "u"


class BadToken(ValueError):
    """Not a token of ours: cut off, changed, made for something else, or signed with a key that is gone."""


class UnsubscribeLinks:
    """Makes and reads unsubscribe links. They never expire, and survive a new key in front.

    Keep one: making the signer costs more than signing. A token is no proof of being the first or only
    one (the same id can be written in several ways), so never use it as a key; use the id inside.
    """

    def __init__(self, keys: Sequence[str], public_url: str) -> None:
        self._base = f"{public_url.rstrip('/')}/u/"
        self._signer = _signer(keys, "unsub.v1")

    def url(self, public_id: UUID) -> str:
        return self._base + self.token(public_id)

    def token(self, public_id: UUID) -> str:
        return _text(self._signer.dumps([_UNSUBSCRIBE, public_id.hex]))

    def read(self, token: str) -> UUID:
        """Raises BadToken."""
        match _load(self._signer, token):
            case [purpose, str(public_id)] if purpose == _UNSUBSCRIBE:
                return _uuid(public_id)
        raise BadToken("made for something else")


def _signer(keys: Sequence[str], salt: str) -> URLSafeSerializer:
    """A salt for each purpose and version, so that no token opens another door."""
    if not keys or not all(keys):
        raise ValueError("a signing key is missing")
    options = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
    return URLSafeSerializer(list(keys), salt=salt, signer_kwargs=options)


def _load(signer: URLSafeSerializer, token: str) -> object:
    if not isinstance(token, str) or len(token) > MAX_TOKEN_CHARS or not token.isascii():
        raise BadToken("not a token")
    try:
        return signer.loads(token)
    except (BadData, ValueError, RecursionError) as error:
        raise BadToken("not signed by us") from error


def _uuid(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError as error:
        raise BadToken("no id in it") from error


def _text(token: str | bytes) -> str:
    return token.decode() if isinstance(token, bytes) else token
