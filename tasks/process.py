"""What a worker process keeps: an engine, a provider, a signer. Made after the fork, once."""

import gc
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import structlog
from celery.signals import task_postrun, task_prerun, worker_init, worker_process_shutdown
from sqlalchemy import Engine

from notifier.db.engine import make_engine
from notifier.delivery.mail_links import MailLinks
from notifier.delivery.providers import make_provider
from notifier.delivery.sending import Sender
from notifier.digests.rendering import compile_templates
from notifier.embedded import ensure_services
from notifier.links.keys import signing_keys
from notifier.logs import configure_logs
from notifier.settings import Settings, load_settings
from tasks.stopping import told_to_stop

# New objects between two looks for garbage in circles. A worker makes many that live for a moment and
# hardly a circle; at the default of 700 the looking takes a tenth of its time.
COLLECT_EVERY = (50_000, 20, 50)


@dataclass(frozen=True)
class Process:
    settings: Settings
    engine: Engine
    sender: Sender

    @staticmethod
    def clock() -> datetime:
        return datetime.now(UTC)


@cache
def process() -> Process:
    """Made at the first task, in the process that runs it: connections must not cross a fork."""
    settings = ensure_services(load_settings())
    configure_logs(settings.log_format)
    assert settings.database_url
    engine = make_engine(settings.database_url)
    links = MailLinks.of(signing_keys(settings), settings.public_url)
    sender = Sender(engine, make_provider(settings), links, settings, Process.clock, told_to_stop)
    gc.freeze()  # what stands now stays
    gc.set_threshold(*COLLECT_EVERY)
    return Process(settings, engine, sender)


@worker_init.connect
def prepare(**_: Any) -> None:
    """Before the fork: what each child would otherwise do for itself while mail waits."""
    compile_templates()


@task_prerun.connect
def name_lines(task_id: str, task: Any, **_: Any) -> None:
    """What one task writes can be put together by its number."""
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)


@task_postrun.connect
def name_no_lines(**_: Any) -> None:
    structlog.contextvars.unbind_contextvars("task", "task_id")


@worker_process_shutdown.connect
def close(**_: Any) -> None:
    if process.cache_info().currsize:
        process().sender.provider.close()
        process().engine.dispose()
