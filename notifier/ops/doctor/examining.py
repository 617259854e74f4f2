"""All checks of an installation, those that others stand on first."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Engine

from notifier.ops.doctor import (
    broker,
    database,
    mail_domain,
    pages,
    place,
    registry,
    round_trip,
    secrets,
    sendgrid,
    smtp,
)
from notifier.ops.doctor.finding import Check, Finding, run_checks, unseen
from notifier.settings import Settings

FIRST, REST = timedelta(seconds=5), timedelta(seconds=10)
"""Together with what a command needs to start, less than 20 seconds."""
OF_TABLES = ("scheduler", "schedules", "workers")


@dataclass(frozen=True)
class Installation:
    """`settings` with both addresses filled in. What lies above this room is handed in: the queues and their limits,
    and how to ask a worker."""

    settings: Settings
    chosen: Settings  # as they were before the embedded servers' addresses came in
    engine: Engine
    limits: place.Limits
    queues: tuple[str, ...]
    ask: round_trip.Ask
    now: database.Clock
    lookup: mail_domain.Lookup = mail_domain.txt_records


def examine(here: Installation) -> list[Finding]:
    found = run_checks(_first(here), within=FIRST)
    failed = {finding.check for finding in found if finding.status == "fail"}
    return found + run_checks(_rest(here, failed), within=REST)


def _first(here: Installation) -> list[Check]:
    settings = here.settings
    assert settings.redis_url
    redis_url = settings.redis_url
    return [
        Check("python", place.python),
        Check("secrets", lambda: secrets.secrets(settings)),
        Check("names", lambda: secrets.names(settings)),
        Check("time-zones", lambda: place.time_zones(here.now().year)),
        Check("templates", lambda: place.templates(settings)),
        Check("disk", lambda: place.disk(here.chosen)),
        Check("outbox", lambda: place.outbox(settings)),
        Check("proxies", lambda: place.proxies(settings)),
        Check("visibility-timeout", lambda: place.task_limits(here.limits)),
        Check("database", lambda: database.reachable(here.engine)),
        Check("redis", lambda: broker.reachable(redis_url)),
    ]


def _rest(here: Installation, failed: set[str]) -> list[Check]:
    settings, engine, now = here.settings, here.engine, here.now
    assert settings.redis_url
    redis_url = settings.redis_url
    looks: dict[str, Callable[[], Iterable[Finding]]] = {
        "clock-database": lambda: database.clock(engine, now),
        "clock-redis": lambda: broker.clock(redis_url, now),
        "scheduler": lambda: database.scheduler(engine, now),
        "schedules": lambda: database.schedules(engine, now),
        "workers": lambda: round_trip.workers(settings, engine, here.queues, here.ask, now()),
        "public-url": lambda: pages.public_url(settings),
        "web-ready": lambda: pages.ready(settings, engine),
        "one-click": lambda: pages.one_click(settings),
    }
    if settings.mail_provider == "sendgrid":
        known = not failed & {"database", "migrations"}
        tracked = (lambda: database.tracked(engine, now)) if known else (lambda: 0)
        looks |= _of_sendgrid(sendgrid.Account(settings), now, tracked)
    if settings.mail_provider == "smtp":
        looks["smtp"] = lambda: smtp.server(settings)
    if settings.poll_registry:
        looks["registry"] = lambda: registry.answers(settings)
    if secrets.for_real_people(settings):
        looks["mail-domain"] = lambda: mail_domain.records(settings, here.lookup)
    return [Check(name, _unless(name, failed) or look) for name, look in looks.items()]


def _of_sendgrid(
    account: sendgrid.Account, now: database.Clock, tracked: Callable[[], int]
) -> dict[str, Callable[[], Iterable[Finding]]]:
    def guarded(
        name: str, look: Callable[[sendgrid.Account], Iterable[Finding]]
    ) -> Callable[[], Iterable[Finding]]:
        return lambda: sendgrid.or_unseen(name, look(account))

    return {
        "sendgrid-key": lambda: sendgrid.key(account, now),
        "sendgrid-tracking": guarded("sendgrid-tracking", lambda of: sendgrid.tracking(of, tracked)),
        "sendgrid-sender": guarded("sendgrid-sender", sendgrid.sender),
        "sendgrid-webhook": guarded("sendgrid-webhook", sendgrid.webhook),
    }


def _unless(name: str, failed: set[str]) -> Callable[[], Iterable[Finding]] | None:
    """What stands on something that has failed is not looked at, so that one cause is told once."""
    if "database" in failed and name in ("clock-database", *OF_TABLES):
        return lambda: [unseen(name, "the database cannot be reached")]
    if "migrations" in failed and name in OF_TABLES:
        return lambda: [unseen(name, "the tables are not those of this program")]
    if "redis" in failed and name in ("clock-redis", "workers"):
        return lambda: [unseen(name, "Redis cannot be reached")]
    return None
