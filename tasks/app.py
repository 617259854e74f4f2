"""The Celery app.

The database is the truth and a message is only a wake-up call: it may be lost, late or doubled without harm.
"""

from typing import Any

from celery import Celery

from notifier.embedded import ensure_services
from notifier.settings import load_settings
from tasks import options, queues

app = Celery("notifier", include=["tasks.jobs"])


def config() -> dict[str, Any]:
    """Read when the app is first used, so that importing it starts nothing."""
    settings = ensure_services(load_settings())
    return {"broker_url": settings.redis_url, **options.OPTIONS, **queues.OPTIONS}


app.add_defaults(config)
