"""`celery` and `notifier` as they are, but that they can die at named steps, publish each message twice, and need
not wait as long as in production. Only this start-up changes them: nothing in the product knows of it.

    python -m tests.faults.worker celery -A tasks worker ...
"""

import functools
import json
import os
import runpy
import select
import socket
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from celery.app.base import Celery
from celery.utils import uuid

from notifier.delivery import (
    brakes,
    calls,
    claiming,
    links_asked,
    patience,
    planning,
    recording,
    rounds,
    sending,
)
from notifier.delivery.feedback import applying
from notifier.delivery.providers import http_line, sendgrid_http
from notifier.settings import Settings
from tasks import jobs, queues
from tests.faults import steps

TIMES = "FAULTS_TIMES"
"""The variable with the times that are other than in production: JSON, in seconds."""


def main() -> None:
    if times := json.loads(os.environ.get(TIMES, "{}")):
        shorten(times)
    hook_steps()
    publish_twice()
    program, sys.argv = sys.argv[1], sys.argv[1:]
    if program == "notifier":
        hook_pages()
    runpy.run_module({"celery": "celery", "notifier": "notifier"}[program], run_name="__main__")


def shorten(times: dict[str, float]) -> None:
    wait = {name: timedelta(seconds=seconds) for name, seconds in times.items()}
    claiming.LEASE = rounds.LEASE = wait["lease"]
    rounds.RENEW_EVERY = wait["lease"] / 3
    patience.FIRST_DELAY, patience.LONGEST_DELAY = wait["retry"], wait["retry"] * 4
    recording.THROTTLE_DELAY, brakes.PROBE_INTERVAL = wait["retry"], wait["retry"]
    jobs.SEND_FOR = wait["send"]
    sendgrid_http.CONNECT_SECONDS = sendgrid_http.WAIT_SECONDS = times["call"]
    Settings.quiet_interval = property(lambda settings: wait["quiet"])  # type: ignore[assignment]
    for entry in queues.OPTIONS["beat_schedule"].values():
        entry["schedule"] = min(entry["schedule"], wait["sweep"])
        entry["options"]["expires"] = max(entry["schedule"].total_seconds(), 1)


def publish_twice() -> None:
    """The very same message, id and all, as a broker that redelivers."""
    once = Celery.send_task

    def twice(self: Celery, *words: Any, task_id: str | None = None, **more: Any) -> Any:
        task_id = task_id or uuid()
        once(self, *words, task_id=task_id, **more)
        return once(self, *words, task_id=task_id, **more)

    Celery.send_task = twice


def hook_steps() -> None:
    before(sending, "claim_batches", steps.BEFORE_CLAIM)
    after(claiming, "skip_unwanted", steps.CLAIMED, when=lambda _, conn, ids, now: bool(ids))
    after(claiming, "skip_unwanted_letters", steps.CLAIMED)
    for claim in ("claim_batches", "claim_letters"):
        after(sending, claim, steps.COMMITTED, when=lambda result, *_, **__: bool(result))
    before(calls.Calls, "make", steps.BEGUN)
    before(rounds, "record", steps.ANSWERED, when=lambda conn, results, **_: bool(results))
    after(rounds, "record", steps.RECORDING, when=lambda _, conn, results, **__: bool(results))
    after(rounds.Round, "_turn", steps.RECORDED, when=lambda _, turning, done: bool(done))
    after(planning, "write_deliveries", steps.PLANNING)
    after(jobs, "plan_run", steps.PLANNED, when=lambda planned, *_, **__: bool(planned and planned.batches))
    after(applying, "_apply_chunk", steps.APPLYING, when=lambda count, *_, **__: bool(count))
    after(jobs, "expire_leases", steps.SWEPT)
    after(links_asked, "_post", steps.LINK_POSTED, when=lambda posted, *_: bool(posted))
    hook_call(http_line.Line)


def hook_pages() -> None:
    from notifier.web import fresh_link, sign_ups

    after(sign_ups, "store_sign_up", steps.SIGNED_UP)
    before(fresh_link, "page", steps.LINK_ASKED, when=lambda _, name, *__, **___: name == "link_sent")


def before(owner: Any, name: str, step: str, when: Callable[..., bool] = lambda *_, **__: True) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def hooked(*words: Any, **more: Any) -> Any:
        if when(*words, **more):
            steps.reached(step)
        return function(*words, **more)

    setattr(owner, name, hooked)


def after(owner: Any, name: str, step: str, when: Callable[..., bool] = lambda *_, **__: True) -> None:
    function = getattr(owner, name)

    @functools.wraps(function)
    def hooked(*words: Any, **more: Any) -> Any:
        result = function(*words, **more)
        if when(result, *words, **more):
            steps.reached(step)
        return result

    setattr(owner, name, hooked)


def hook_call(line: Any) -> None:
    write, read = line.write, line.read

    def half_written(self: Any, data: bytes) -> None:
        if steps.armed(steps.HALF_WRITTEN):
            self.sock.sendall(data[: len(data) // 2])
            steps.reached(steps.HALF_WRITTEN)
        write(self, data)

    def unread(self: Any) -> Any:
        steps.reached(steps.WRITTEN)
        if steps.armed(steps.ACCEPTED) and _is_accepted(self.sock):
            steps.reached(steps.ACCEPTED)
        return read(self)

    line.write, line.read = half_written, unread


def _is_accepted(sock: socket.socket) -> bool:
    """Look at the answer without reading it."""
    readable, _, _ = select.select([sock], [], [], sock.gettimeout())
    try:
        return bool(readable) and sock.recv(12, socket.MSG_PEEK) == b"HTTP/1.1 202"
    except OSError:
        return False


if __name__ == "__main__":
    main()
