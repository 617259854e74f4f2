"""What every command needs: settings, services, a migrated database."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from notifier.cli.interrupting import ends_in_good_order
from notifier.cli.whereabouts import must_be_made
from notifier.db.engine import make_engine
from notifier.db.migrate import is_current, upgrade
from notifier.embedded import SERVICES, ensure_services, release_services
from notifier.errors import NotifierError
from notifier.links.keys import signing_keys
from notifier.logs import configure_logs
from notifier.settings import Settings, load_settings

if TYPE_CHECKING:
    from notifier.delivery.sending import Sender


@dataclass(frozen=True)
class Session:
    settings: Settings
    engine: Engine
    only_looks: bool = False

    @cached_property
    def keys(self) -> list[str]:
        return signing_keys(self.settings, make=not self.only_looks)

    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC)

    @contextmanager
    def sender(self) -> Iterator["Sender"]:
        # Here, as few commands send, and it takes a second to load all that a mail is made of.
        from notifier.delivery.mail_links import MailLinks
        from notifier.delivery.providers import make_provider
        from notifier.delivery.sending import Sender

        provider = make_provider(self.settings)
        links = MailLinks.of(self.keys, self.settings.public_url)
        try:
            with ends_in_good_order() as stop:
                yield Sender(self.engine, provider, links, self.settings, self.clock, stop)
        finally:
            provider.close()


@contextmanager
def open_session(
    *, migrate: bool = False, only_looks: bool = False, log_level: int = logging.WARNING
) -> Iterator[Session]:
    """Start or join the services, and close all of it at the end.

    The embedded database is brought up to date unasked; a database of your own only by `notifier db upgrade`.
    Where nothing is set up yet, it is made, but not by a command that only looks.
    """
    chosen = load_settings()
    configure_logs(chosen.log_format, log_level)
    needed = ("database_url",) if only_looks else SERVICES
    if only_looks:
        must_be_made(chosen, needed)
    settings = ensure_services(chosen, needed)
    assert settings.database_url
    engine = make_engine(settings.database_url)
    try:
        _prepare(engine, migrate=migrate or chosen.database_url is None)
        session = Session(settings, engine, only_looks)
        if not only_looks:
            _ = session.keys  # now, so that a key that is damaged is told before anything is done
        yield session
    finally:
        engine.dispose()
        if settings is not chosen:
            release_services()


def _prepare(engine: Engine, *, migrate: bool) -> None:
    try:
        if migrate:
            upgrade(engine)
        elif not is_current(engine):
            raise NotifierError("The database is not up to date.", "Run `notifier db upgrade`.")
    except OperationalError as error:
        reason = str(error.orig).strip().splitlines()[0]
        raise NotifierError(f"The database cannot be reached: {reason}", "Check DATABASE_URL.") from None
