"""A worker that is told to stop: its main process hears it, and tells the processes that run its tasks."""

import mmap
import signal
from typing import Any

from celery.signals import worker_process_init, worker_shutting_down

# One byte that a main process shares with all that it forks. Where processes are not forked (macOS), nobody hears
# of it, and a task that sends ends by itself after `SEND_FOR`.
_told = mmap.mmap(-1, 1)


def told_to_stop() -> bool:
    return bool(_told[0])


@worker_shutting_down.connect
def tell(**_: Any) -> None:
    _told[0] = 1


@worker_process_init.connect
def leave_signals_to_the_main_process(**_: Any) -> None:
    """Some hosts send SIGTERM to every process, and it would end this one in the middle of its calls."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
