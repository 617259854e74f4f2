"""A task that fails is seen in the log, but not what it was about."""

from pathlib import Path

from celery import Celery
from kombu.entity import Exchange, Queue

from notifier.settings import Settings
from tests.journeys.stage import Stage, running, until

SHOWN = {
    "tests.in_words": "[ValueError at tests.tasks.failing:",
    "tests.in_the_cause": "[KeyError at tests.tasks.failing:",
    "tests.unpicklable": "at tests.tasks.failing:",
    "tests.in_a_statement": "[OperationalError at ",
    "tests.in_the_exit": "WorkerLostError",
}


def test_nothing_of_what_an_error_says_comes_into_the_log(settings: Settings, tmp_path: Path) -> None:
    stage = Stage(settings, tmp_path)
    worker = stage.process(
        "celery", "-A", "tasks", "worker", "-c", "1", "-Q", "build,send,upkeep", "-l", "DEBUG",
        "--include", "tests.tasks.failing", "--without-gossip", "--without-mingle",
    )  # fmt: skip
    log = tmp_path / "celery.log"
    with Celery(broker=str(settings.redis_url)) as client:
        for _ in running(worker):
            for task, shown in SHOWN.items():
                client.send_task(task, queue=Queue("upkeep", Exchange(""), routing_key="upkeep"))
                until(lambda shown=shown: shown in log.read_text(), shown)
    written = log.read_text()
    assert "telling" not in written
    assert "no such user" not in written
