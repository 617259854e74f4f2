"""What the scheduler does first: its schedule begins an interval later, and until then nobody would be seen."""

from typing import Any

from celery.signals import beat_init

from notifier.ops.heartbeat import QUEUES
from tasks.wake import wake


@beat_init.connect
def show_life(**_: Any) -> None:
    for queue in QUEUES:
        wake("tasks.heartbeat", queue=queue)
