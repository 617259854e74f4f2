"""The Celery app and its settings, each with its reason.

The database is the truth and a message is only a wake-up call: it may be lost, late or doubled without harm.
"""

from datetime import timedelta
from typing import Any

from celery import Celery
from kombu.entity import Exchange, Queue

from notifier.embedded import ensure_services
from notifier.settings import load_settings

BUILD, SEND, UPKEEP = "build", "send", "upkeep"

TICK = timedelta(seconds=10)
SWEEP = timedelta(seconds=10)
HEARTBEAT = timedelta(seconds=60)

# Longer than the longest task may run, or Redis hands a running task to a second worker.
VISIBILITY_TIMEOUT_S = 900

app = Celery("notifier", include=["tasks.jobs"])


def config() -> dict[str, Any]:
    """Read when the app is first used, so that importing it starts nothing."""
    settings = ensure_services(load_settings())
    return {
        "broker_url": settings.redis_url,
        # No results: nothing waits for one, and none can leak what was in a task.
        "task_ignore_result": True,
        # Late, because every task may be repeated: a worker that is stopped loses no wake-up.
        "task_acks_late": True,
        "worker_prefetch_multiplier": 1,
        # A message that kills its worker must not come back for ever; the sweeper finds what it left.
        "task_reject_on_worker_lost": False,
        "task_serializer": "json",
        "accept_content": ["json"],
        "visibility_timeout": VISIBILITY_TIMEOUT_S,
        "broker_transport_options": {
            "visibility_timeout": VISIBILITY_TIMEOUT_S,
            # Without these a publish on a dead connection hangs for ever.
            "socket_timeout": 15,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 25,
            "retry_on_timeout": True,
            # Look for messages of lost workers every ten seconds instead of every hundred.
            "unacked_restore_interval": 10,
            "unacked_restore_throttle": 1,
        },
        "broker_connection_retry_on_startup": True,
        # None: retry for ever. The default gives up after 100 tries and the worker is gone.
        "broker_connection_max_retries": None,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        # Call time-out < soft limit < hard limit < visibility time-out.
        "task_soft_time_limit": 600,
        "task_time_limit": 660,
        "worker_soft_shutdown_timeout": 30,
        "worker_enable_soft_shutdown_on_idle": True,
        "worker_max_tasks_per_child": 1000,
        "worker_hijack_root_logger": False,
        # A wake-up is worth two tries, not a request that hangs while Redis is away.
        "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.2},
        "task_create_missing_queues": False,
        # By the nameless exchange a message goes straight to the queue of that name. Named exchanges keep
        # bindings in Redis: once it is flushed, every message is silently thrown away until a restart.
        "task_queues": [Queue(name, Exchange(""), routing_key=name) for name in (BUILD, SEND, UPKEEP)],
        "task_default_queue": UPKEEP,
        "task_routes": {
            "tasks.tick": {"queue": BUILD},
            "tasks.plan_schedule": {"queue": BUILD},
            "tasks.send": {"queue": SEND},
            "tasks.sweep": {"queue": UPKEEP},
            "tasks.apply_feedback": {"queue": UPKEEP},
            "tasks.heartbeat": {"queue": UPKEEP},
        },
        # Zones and daylight saving are ours to reckon (notifier/subscriptions/schedules.py).
        "enable_utc": True,
        "timezone": "UTC",
        # Every entry may run twice, from two schedulers at once, or not at all for a while. A message that
        # waited until the next one was sent is thrown away, so that an outage leaves no heap of them.
        "beat_schedule": {
            "tick": {"task": "tasks.tick", "schedule": TICK, "options": {"expires": TICK.total_seconds()}},
            "sweep": {
                "task": "tasks.sweep",
                "schedule": SWEEP,
                "options": {"expires": SWEEP.total_seconds()},
            },
            "heartbeat": {
                "task": "tasks.heartbeat",
                "schedule": HEARTBEAT,
                "options": {"expires": HEARTBEAT.total_seconds()},
            },
        },
    }


app.add_defaults(config)
