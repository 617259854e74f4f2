"""Thin tasks: an id comes in, one function of notifier/ is called."""

from datetime import timedelta
from typing import Any

import structlog

from notifier.delivery.erasing import ask_provider
from notifier.delivery.expiring import Place
from notifier.delivery.feedback.applying import apply_feedback
from notifier.delivery.links_asked import post_links
from notifier.delivery.planning import plan_run
from notifier.delivery.providers import REPEATABLE
from notifier.delivery.settling import settle_unknown
from notifier.delivery.sweeping import expire_leases, has_due_batches
from notifier.delivery.watching import pause_if_unwelcome
from notifier.digests.runs import schedules_due
from notifier.ops.counts import count_all
from notifier.ops.heartbeat import beat
from notifier.ops.numbers import take_numbers
from notifier.ops.ping import ping
from notifier.ops.registry import ask_registry
from notifier.ops.retention import retain
from notifier.ops.troubles import troubles
from notifier.registry.api import RegistryError
from notifier.registry.positions import assign_positions
from tasks.app import app
from tasks.process import process
from tasks.wake import wake

log = structlog.get_logger()

# Then the message is sent anew: a worker can be stopped in between, and where all of them send, the sweep that
# finds what a killed one left behind waits no longer than this.
SEND_FOR = timedelta(seconds=10)

# Between two pages; one may take that long again.
POLL_FOR = timedelta(seconds=10)

# Of this process: a new one begins with the oldest mail again.
RETAINED_TO = Place()


@app.task(name="tasks.tick")
def tick() -> None:
    """Number what is new, and wake the planner of every schedule whose hour has come."""
    here = process()
    with here.engine.begin() as conn:
        assign_positions(conn)
        due = schedules_due(conn, here.clock())
    for schedule_id in due:
        wake("tasks.plan_schedule", schedule_id)


@app.task(name="tasks.poll")
def poll(goes_on: int = 0) -> None:
    """Some pages at a time, as a worker has more to do; `goes_on` is 1 for the rest. A registry that does not answer is
    asked again when the scheduler says so."""
    here = process()
    if not here.settings.poll_registry:
        return
    until = here.clock() + POLL_FOR
    try:
        result = ask_registry(
            here.engine, here.settings, clock=here.clock, attempts=1, until=until, joins=bool(goes_on)
        )
    except RegistryError as error:
        log.warning("registry_did_not_answer", status=error.status)  # not its words: they may name a study
        return
    if result.state == "under way":
        wake("tasks.poll", 1)


@app.task(name="tasks.plan_schedule")
def plan_schedule(schedule_id: int) -> None:
    here = process()
    now = here.clock()
    planned = plan_run(here.engine, schedule_id, at=now, now=now, settings=here.settings)
    if planned and planned.batches:
        for _ in range(min(planned.batches, here.settings.send_tasks)):
            wake("tasks.send")


@app.task(name="tasks.send")
def send() -> None:
    here = process()
    if here.sender.send_due(until=here.clock() + SEND_FOR):
        wake("tasks.send")


@app.task(name="tasks.send_letters")
def send_letters() -> None:
    here = process()
    post_links(here.engine)
    if here.sender.send_letters(until=here.clock() + SEND_FOR):
        wake("tasks.send_letters")


@app.task(name="tasks.sweep")
def sweep() -> None:
    """Whatever a lost message, a killed worker or a silent provider left behind."""
    here = process()
    now = here.clock()
    expire_leases(here.engine, now=now, repeatable=REPEATABLE, max_attempts=here.settings.max_attempts)
    apply_feedback(here.engine, now=now)
    settle_unknown(
        here.engine, now=now, max_attempts=here.settings.max_attempts, grace=here.settings.unknown_grace
    )
    pause_if_unwelcome(here.engine, now=now, settings=here.settings)
    if has_due_batches(here.engine, now):
        wake("tasks.send")
    ask_provider(here.engine, here.settings, now)  # last, as it may wait for an answer


@app.task(name="tasks.apply_feedback")
def apply_new_feedback() -> None:
    here = process()
    apply_feedback(here.engine, now=here.clock())


@app.task(name="tasks.heartbeat", bind=True)
def heartbeat(self: Any) -> None:
    """Proves scheduler, broker, worker and database together, for the queue through which it came."""
    here = process()
    beat(here.engine, now=here.clock(), name=self.request.delivery_info["routing_key"])


@app.task(name="tasks.count")
def count() -> None:
    here = process()
    count_all(here.engine, now=here.clock())


@app.task(name="tasks.retain")
def retain_no_longer() -> None:
    here = process()
    retain(here.engine, here.settings, clock=here.clock, place=RETAINED_TO)


@app.task(name="tasks.ping")
def ping_watcher() -> None:
    """Not while a trouble calls: silence is what the watcher outside acts on. Of what went wrong hours ago, or can
    wait for the day, operators' pages and alerts tell."""
    here = process()
    if here.settings.heartbeat_url is None:
        return
    beat(here.engine, now=here.clock())  # that this runs is a sign of life itself
    found = [one for one in troubles(take_numbers(here.engine, now=here.clock())) if one.calls]
    if found:
        log.warning("heartbeat_withheld", alerts=[trouble.alert for trouble in found])
    else:
        ping(here.settings.heartbeat_url)
