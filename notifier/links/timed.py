"""Links that end: to confirm, to manage, and what a form carries from one page to the next."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

from notifier.links.tokens import BadToken, load, make_signer, newest_key, read_uuid, sign

Purpose = Literal["confirm", "manage", "form"]
LIFETIMES: dict[Purpose, timedelta] = {
    "confirm": timedelta(days=7),
    "manage": timedelta(days=30),  # it shows what somebody follows, and mails get forwarded
    "form": timedelta(days=1),
}
CLOCK_SKEW = timedelta(minutes=5)


class OldToken(BadToken):
    """Genuine, but its time has passed. `public_id` is whom it was made for: a fresh one may be mailed to them."""

    def __init__(self, public_id: UUID) -> None:
        super().__init__("too old")
        self.public_id = public_id


class TimedLinks:
    """Makes and reads the links of one purpose; no token of one purpose opens another. Keep one, as making the
    signer costs more than signing. The moment stands in the token, so that time is passed in when it is read."""

    def __init__(self, keys: Sequence[str], public_url: str, purpose: Purpose) -> None:
        self._base = f"{public_url.rstrip('/')}/{purpose}/"
        self._purpose = purpose
        self._signer = make_signer(keys, f"{purpose}.v1")
        self._key = newest_key(self._signer)

    def url(self, public_id: UUID, now: datetime) -> str:
        return self._base + self.token(public_id, now)

    def token(self, public_id: UUID, now: datetime) -> str:
        return sign(self._key, f'["{self._purpose}","{public_id.hex}",{int(now.timestamp())}]')

    def read(self, token: str, now: datetime) -> UUID:
        """Raises BadToken, and OldToken where nothing but its age is wrong."""
        match load(self._signer, token):
            case [purpose, str(text), int(seconds)] if purpose == self._purpose:
                public_id, made_at = read_uuid(text), _moment(seconds)
            case _:
                raise BadToken("made for something else")
        if not now - LIFETIMES[self._purpose] <= made_at <= now + CLOCK_SKEW:
            raise OldToken(public_id)
        return public_id


def _moment(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError) as error:
        raise BadToken("no moment in it") from error
