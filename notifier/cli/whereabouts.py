"""Which installation a command looks at. To look must not make one: an empty one looks well."""

from collections.abc import Sequence

from sqlalchemy import make_url

from notifier.embedded import SERVICES, not_made
from notifier.errors import NotifierError
from notifier.settings import Settings

NAMES = {"database_url": "database", "redis_url": "Redis"}


def must_be_made(settings: Settings, needed: Sequence[str] = SERVICES) -> None:
    missing = not_made(settings, needed)
    if not missing:
        return
    unset = f"{' and '.join(map(str.upper, missing))} {'are' if len(missing) > 1 else 'is'} not set"
    home, none = settings.notifier_home.absolute(), " and no ".join(NAMES[name] for name in missing)
    raise NotifierError(
        f"There is no installation here: {unset}, and {home} has no {none}.",
        "Run this where the other processes run, with their settings; `notifier up` sets up a new one.",
    )


def whereabouts(settings: Settings) -> str:
    """Of the settings as they were chosen, before the embedded servers' addresses came in."""
    if settings.database_url is None:
        return f"the embedded database in {settings.notifier_home.absolute()}"
    url = make_url(settings.database_url)
    return f"the database {url.database} at {url.host or 'this machine'}{f':{url.port}' if url.port else ''}"
