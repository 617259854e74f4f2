"""The Celery app.

The database is the truth and a message is only a wake-up call: it may be lost, late or doubled without harm.
"""

import sys
from typing import Any

from celery import Celery
from celery.signals import after_setup_logger, after_setup_task_logger

from notifier.embedded import ensure_services
from notifier.errors import NotifierError
from notifier.settings import load_settings
from tasks import options, queues
from tasks.discretion import be_discreet

app = Celery("notifier", include=["tasks.jobs", "tasks.answering"])


def config() -> dict[str, Any]:
    """Read when the app is first used, so that importing it starts nothing."""
    try:
        settings = ensure_services(load_settings())
    except NotifierError as error:  # a worker has no command around it that would print this
        print(f"Stopped: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    return {"broker_url": settings.redis_url, **options.OPTIONS, **queues.OPTIONS}


app.add_defaults(config)
after_setup_logger.connect(be_discreet)
after_setup_task_logger.connect(be_discreet)
