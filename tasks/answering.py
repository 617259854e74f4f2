"""What `notifier doctor` asks the workers."""

from typing import Any

from kombu.exceptions import OperationalError

from notifier.ops.doctor import round_trip
from tasks.app import app
from tasks.process import process

EXPIRES_S = 30  # nobody waits for it any longer


@app.task(name="tasks.answer", bind=True)
def answer(self: Any, question: str) -> None:
    here = process()
    round_trip.answer(here.settings, here.engine, question, self.request.delivery_info["routing_key"])


def ask(question: str, queue: str) -> bool:
    """False if the broker did not take it."""
    try:
        app.send_task("tasks.answer", args=[question], queue=queue, expires=EXPIRES_S)
    except (OperationalError, OSError):
        return False
    return True
