"""Wake-up calls. A lost one costs time, never mail: the schedule and the sweeper find the work again."""

import structlog
from kombu.exceptions import OperationalError

from tasks.app import app

log = structlog.get_logger()


def wake(task: str, *ids: int, queue: str | None = None) -> bool:
    """Publish a message, to the task's own queue unless it says another; call it after the commit. False if the broker
    did not take it."""
    try:
        app.send_task(task, args=ids, queue=queue)
    except (OperationalError, OSError) as error:
        log.warning("wake_lost", task=task, error=type(error).__name__)
        return False
    return True
