"""The two ways to send the same mail, each measured from the message that starts it to its last mail."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sqlalchemy import text

from benchmarks import usual
from benchmarks.meters import Meter
from benchmarks.place import Place, wait_for
from tasks.wake import wake

OURS, USUAL = "worker", "usual"
LONGEST_RUN_S = 1800


@dataclass
class Measured:
    """Sums over one or more stretches of the same design. CPU is in seconds by process tree, memory the peak."""

    mails: int = 0
    seconds: float = 0
    calls: int = 0
    connections: int = 0
    commits: int = 0
    planning_seconds: float | None = None
    cpu: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    call_ranges: list[tuple[int, int]] = field(default_factory=list)
    """Which calls of the sink were made meanwhile."""

    def add(self, other: "Measured") -> None:
        for name in ("mails", "seconds", "calls", "connections", "commits"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        names = other.cpu
        self.cpu = {name: self.cpu.get(name, 0) + seconds for name, seconds in names.items()}
        self.peak_mb = {name: max(self.peak_mb.get(name, 0), mb) for name, mb in other.peak_mb.items()}
        self.call_ranges += other.call_ranges


def run_ours(place: Place) -> Measured:
    """One daily run of everybody: the planner is woken as the scheduler would do it."""
    with place.engine.connect() as conn:
        schedule_id = conn.execute(text("SELECT id FROM schedules WHERE frequency = 'daily'")).scalar_one()
    started_at = datetime.now(UTC)
    measured = _measure(place, OURS, lambda: wake("tasks.plan_schedule", schedule_id), _run_is_over)
    with place.engine.connect() as conn:
        row = conn.execute(
            text("SELECT min(attempted_at) AS first_claim, sum(size) AS mails FROM batches")
        ).one()
    measured.mails = row.mails
    measured.planning_seconds = (row.first_claim - started_at).total_seconds()
    return measured


def run_usual(place: Place, subscriber_ids: tuple[int, int], due: int) -> Measured:
    """The people with these ids (from, to), of whom `due` are to get a mail."""
    with place.engine.connect() as conn:
        before = conn.execute(text("SELECT count(*) FROM usual_deliveries")).scalar_one()

    def is_over(place: Place) -> bool:
        with place.engine.connect() as conn:
            done = conn.execute(text("SELECT count(*) FROM usual_deliveries")).scalar_one()
        return bool(done - before >= due)

    measured = _measure(place, USUAL, lambda: usual.plan.delay(*subscriber_ids), is_over)
    measured.mails = due
    return measured


def split(first: int, last: int, parts: int) -> list[tuple[int, int]]:
    """The ids from `first` to `last` in this many ranges."""
    edges = [first + (last - first + 1) * part // parts for part in range(parts + 1)]
    return [(begin, end - 1) for begin, end in pairwise(edges)]


def _run_is_over(place: Place) -> bool:
    """By two small partial indexes; asked often, so it must cost nothing."""
    with place.engine.connect() as conn:
        return bool(
            conn.execute(
                text(
                    """SELECT EXISTS (SELECT 1 FROM runs)
                       AND NOT EXISTS (SELECT 1 FROM batches WHERE state IN ('planned', 'retrying'))
                       AND NOT EXISTS (SELECT 1 FROM batches WHERE state = 'sending')"""
                )
            ).scalar_one()
        )


def _measure(
    place: Place, worker: str, start: Callable[[], Any], is_over: Callable[[Place], bool]
) -> Measured:
    meter = Meter({name: place.pids[name] for name in (worker, "postgres", "redis", "sink")})
    calls, commits, cpu = place.sink_stats(), _commits(place), meter.cpu()
    began = time.monotonic()
    start()
    wait_for(lambda: is_over(place), f"the run of {worker} ends\n{place.log_end(worker)}", LONGEST_RUN_S)
    seconds = time.monotonic() - began
    used, after = meter.since(cpu), place.sink_stats()
    return Measured(
        seconds=seconds,
        calls=after["calls"] - calls["calls"],
        connections=after["connections"] - calls["connections"] - 1,  # one was to ask
        commits=_commits(place) - commits,
        cpu=used,
        peak_mb=meter.peak_mb(),
        call_ranges=[(calls["calls"], after["calls"])],
    )


def _commits(place: Place) -> int:
    """With the few that looking costs."""
    with place.engine.connect() as conn:
        return int(
            conn.execute(
                text("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()")
            ).scalar_one()
        )
