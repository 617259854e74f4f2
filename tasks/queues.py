"""Which task waits in which queue, and what the scheduler sends."""

from datetime import timedelta
from typing import Any

from kombu.entity import Exchange, Queue

from notifier.ops.counts import COUNT_EVERY
from notifier.ops.heartbeat import BUILD, PROMPT, QUEUES, SEND, UPKEEP
from notifier.ops.retention import RETAIN_EVERY

ROUTES = {
    "tasks.tick": BUILD,
    "tasks.plan_schedule": BUILD,
    "tasks.poll": BUILD,
    "tasks.send_letters": PROMPT,
    "tasks.send": SEND,
    "tasks.sweep": UPKEEP,
    "tasks.apply_feedback": UPKEEP,
    "tasks.heartbeat": UPKEEP,
    "tasks.count": UPKEEP,
    "tasks.retain": UPKEEP,
    "tasks.ping": UPKEEP,
}


def _every(interval: timedelta, task: str, queue: str | None = None) -> dict[str, Any]:
    """Every entry may run twice, from two schedulers at once, or not at all for a while. A message that waited
    until the next one was sent is thrown away, so that an outage leaves no heap of them."""
    options = {"expires": interval.total_seconds()} | ({"queue": queue} if queue else {})
    return {"task": task, "schedule": interval, "options": options}


OPTIONS = {
    # By the nameless exchange a message goes straight to the queue of that name. Named exchanges keep bindings
    # in Redis: once it is flushed, every message is silently thrown away until a restart.
    "task_queues": [Queue(name, Exchange(""), routing_key=name) for name in QUEUES],
    "task_create_missing_queues": False,
    "task_default_queue": UPKEEP,
    "task_routes": {task: {"queue": queue} for task, queue in ROUTES.items()},
    "beat_schedule": {
        "tick": _every(timedelta(seconds=10), "tasks.tick"),
        # Straight to those who send them: a lost wake-up costs no more than this, however busy the others are.
        "letters": _every(timedelta(seconds=10), "tasks.send_letters"),
        "sweep": _every(timedelta(seconds=10), "tasks.sweep"),
        # One through each queue: what is behind on one of them is not yet dead on all.
        **{f"heartbeat-{queue}": _every(timedelta(seconds=60), "tasks.heartbeat", queue) for queue in QUEUES},
        # It has new data once a working day, at no certain hour.
        "poll": _every(timedelta(minutes=10), "tasks.poll"),
        "count": _every(COUNT_EVERY, "tasks.count"),
        "retain": _every(RETAIN_EVERY, "tasks.retain"),
        "ping": _every(timedelta(seconds=60), "tasks.ping"),
    },
}
