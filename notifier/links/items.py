"""What a link in a mail is about, where the same mail goes to many: `/u/{person's token}/{item token}`.

Signed, so that whoever holds a forwarded mail cannot try all numbers to learn what its reader follows.
"""

from collections.abc import Sequence
from functools import lru_cache

from notifier.links.tokens import BadToken, load, make_signer, newest_key, sign

KEPT = 4096
_ITEM = "i"


class ItemTokens:
    def __init__(self, keys: Sequence[str]) -> None:
        self._signer = make_signer(keys, "item.v1")
        self._key = newest_key(self._signer)
        self.token = lru_cache(KEPT)(self._token)  # the same stands in many editions

    def _token(self, target_id: int) -> str:
        return sign(self._key, f'["{_ITEM}",{target_id}]')

    def read(self, token: str) -> int:
        """Raises BadToken."""
        match load(self._signer, token):
            case [purpose, int(target_id)] if purpose == _ITEM and 0 < target_id < 2**31:
                return target_id
        raise BadToken("made for something else")
