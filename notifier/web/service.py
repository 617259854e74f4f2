"""What every request needs, made once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from functools import cached_property
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from sqlalchemy import Engine
from starlette.requests import Request

from notifier.links.items import ItemTokens
from notifier.links.keys import signing_keys
from notifier.links.timed import TimedLinks
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web.leaving import Leaving
from notifier.web.limits import Limits
from notifier.web.login_limits import LoginLimits

Wake = Callable[[str], None]

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    settings: Settings
    engine: Engine
    leaving: Engine
    """For stopping everything alone: whatever the other pages wait for, somebody who wants to leave does not."""
    wake_workers: Wake
    clock: Callable[[], datetime] = utc_now

    @cached_property
    def keys(self) -> list[str]:
        return signing_keys(self.settings)

    @cached_property
    def links(self) -> UnsubscribeLinks:
        return UnsubscribeLinks(self.keys, self.settings.public_url)

    @cached_property
    def one_click(self) -> Leaving:
        return Leaving(self.leaving, self.clock)

    @cached_property
    def items(self) -> ItemTokens:
        return ItemTokens(self.keys)

    @cached_property
    def confirm_links(self) -> TimedLinks:
        return TimedLinks(self.keys, self.settings.public_url, "confirm")

    @cached_property
    def manage_links(self) -> TimedLinks:
        return TimedLinks(self.keys, self.settings.public_url, "manage")

    @cached_property
    def form_links(self) -> TimedLinks:
        return TimedLinks(self.keys, self.settings.public_url, "form")

    @cached_property
    def limits(self) -> Limits:
        return Limits(self.settings, self.keys)

    @cached_property
    def login_limits(self) -> LoginLimits:
        return LoginLimits(self.settings, self.keys)

    @cached_property
    def site_name(self) -> str:
        return parseaddr(self.settings.mail_from)[0] or "Study updates"

    @cached_property
    def help_address(self) -> str:
        return parseaddr(self.settings.mail_reply_to)[1]

    @cached_property
    def root(self) -> str:
        """What stands before the path of every page; "" where PUBLIC_URL is a host alone."""
        return urlsplit(self.settings.public_url).path

    def form_token(self) -> str:
        return self.form_links.token(uuid4(), self.clock())

    def wake(self, reason: str) -> None:
        """A lost wake-up costs time, never mail: the schedule finds the work again."""
        try:
            self.wake_workers(reason)
        except Exception as error:
            log.warning("wake_failed", reason=reason, error=type(error).__name__)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
