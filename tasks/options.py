"""How Celery is to behave, each setting with its reason."""

# Longer than the longest task may run, or Redis hands a running task to a second worker.
VISIBILITY_TIMEOUT_S = 900

OPTIONS = {
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
    # Leases make either choice safe; to go on spares calls that would end in doubt.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # Provider call < soft limit < hard limit < visibility time-out.
    "task_soft_time_limit": 600,
    "task_time_limit": 660,
    # A back-stop against leaks.
    "worker_max_tasks_per_child": 1000,
    # Our own log lines, without addresses.
    "worker_hijack_root_logger": False,
    # A wake-up is worth two tries, not a request that hangs while Redis is away.
    "task_publish_retry_policy": {"max_retries": 1, "interval_start": 0.2},
    # Zones and daylight saving are ours to reckon (notifier/subscriptions/schedules.py).
    "enable_utc": True,
    "timezone": "UTC",
}
