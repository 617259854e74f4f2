"""What every request needs, made once."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr

import structlog
from sqlalchemy import Engine
from starlette.requests import Request

from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings

Wake = Callable[[str], None]

log = structlog.get_logger()


def utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Service:
    settings: Settings
    engine: Engine
    keys: list[str]
    links: UnsubscribeLinks
    wake_workers: Wake
    clock: Callable[[], datetime] = utc_now

    @property
    def site_name(self) -> str:
        return parseaddr(self.settings.mail_from)[0] or "Study updates"

    @property
    def help_address(self) -> str:
        return parseaddr(self.settings.mail_reply_to)[1]

    def wake(self, reason: str) -> None:
        """A lost wake-up costs time, never mail: the schedule finds the work again."""
        try:
            self.wake_workers(reason)
        except Exception as error:
            log.warning("wake_failed", reason=reason, error=type(error).__name__)


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service
