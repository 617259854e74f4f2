"""The links that stand in mails, each signed for one person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self
from uuid import UUID

from notifier.delivery.letters import Letter
from notifier.digests.tags import CONFIRM_TAG, MANAGE_TAG, UNSUBSCRIBE_TAG
from notifier.links.items import ItemTokens
from notifier.links.timed import TimedLinks
from notifier.links.tokens import UnsubscribeLinks


@dataclass(frozen=True)
class MailLinks:
    """Keep one: making the signers costs more than signing."""

    unsubscribe: UnsubscribeLinks
    manage: TimedLinks
    confirm: TimedLinks
    items: ItemTokens

    @classmethod
    def of(cls, keys: Sequence[str], public_url: str) -> Self:
        return cls(
            unsubscribe=UnsubscribeLinks(keys, public_url),
            manage=TimedLinks(keys, public_url, "manage"),
            confirm=TimedLinks(keys, public_url, "confirm"),
            items=ItemTokens(keys),
        )

    def of_digest(self, subscriber: UUID, now: datetime) -> dict[str, str]:
        return {
            UNSUBSCRIBE_TAG: self.unsubscribe.url(subscriber),
            MANAGE_TAG: self.manage.url(subscriber, now),
        }

    def of_letter(self, letter: Letter) -> dict[str, str]:
        if letter.content.kind == "confirm":
            return {CONFIRM_TAG: self.confirm.url(letter.reader, letter.posted_at)}
        return {MANAGE_TAG: self.manage.url(letter.reader, letter.posted_at)}
