"""What operators look at and do, with a ledger of two daily runs for everybody.

python -m benchmarks.operators [--people 1000000] [--looks 5] [--plans] [--json]

--plans prints the plan of each statement that reads the whole of a big table.
"""

import argparse
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.request import urlopen

import orjson
from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, text

from benchmarks.ledger import COMMON, fill
from benchmarks.place import BIN, Place, open_place
from benchmarks.plans import WholeReads
from benchmarks.report import load_average
from benchmarks.transactions import Timed, timed
from benchmarks.world import condition_name
from notifier.delivery.corrections import plan_correction
from notifier.delivery.planning import PlannedRun
from notifier.delivery.readers import of_run
from notifier.delivery.resending import resend_failed
from notifier.delivery.withdrawals import condition_target_id, withdraw_target
from notifier.links.keys import email_key, signing_keys
from notifier.logs import configure_logs
from notifier.ops.metrics import as_text
from notifier.ops.numbers import take_numbers
from notifier.ops.retention import TURN, retain
from tests.paths import ROOT

ACTOR = {"actor": "benchmark", "note": "measured"}
PAGES = {
    "overview": "",
    "deliveries": "/deliveries",
    "deliveries that wait": "/deliveries?state=planned",
    "deliveries that arrived": "/deliveries?state=delivered",
    "deliveries that bounced": "/deliveries?state=bounced",
    "failures": "/failures",
    "runs": "/runs",
    "suppressions": "/suppressions",
    "a study's trace": "/trace?study=NCT90000001",
    "audit log": "/audit",
}
_FAIL_ALL = """UPDATE batches SET state = 'failed', attempts = 8, failure_class = 'fault', ended_at = :now
               WHERE run_id = :run_id"""
_FAIL_SOME = """WITH failed AS (
                  UPDATE deliveries SET state = 'failed', reason = 'made up', state_at = :now
                  WHERE run_id = :run_id AND hashtext(id::text) % 10 = 0 RETURNING id)
                DELETE FROM feedback_events f USING failed WHERE f.delivery_id = failed.id"""


def now() -> datetime:
    return datetime.now(UTC)


def looks(place: Place, times: int) -> dict[str, Timed]:
    """Each some times; the longest counts the first, when nothing is in memory yet."""
    engine, found = place.engine, {}

    def several(look: Callable[[], object]) -> Timed:
        return timed(engine, *[look] * times)

    found["/metrics, made anew"] = several(lambda: as_text(take_numbers(engine, now=now())))
    with place.web() as port:
        for name, path in PAGES.items():
            found[f"/ops: {name}"] = several(partial(_get, f"http://127.0.0.1:{port}/ops{path}"))
    found["notifier status"] = several(partial(_command, place, "status", "--json"))
    trace = ("trace", "--study", "NCT90000001", "--email", known_person(place), "--json")
    found["notifier trace, one person"] = several(partial(_command, place, *trace))
    return found


def known_person(place: Place) -> str:
    """Somebody whom commands find by their address; the others' keys are made up."""
    address = "person1@example.org"
    key = email_key(signing_keys(place.settings), address)
    with place.engine.begin() as conn:
        conn.execute(
            text("UPDATE subscribers SET email_key = :key WHERE email = :address"),
            {"key": key, "address": address},
        )
    return address


def _get(url: str) -> None:
    with urlopen(url, timeout=60) as answer:
        answer.read()


def _command(place: Place, *words: str) -> None:
    """As it is typed, with its start. That something is wrong here (nobody works) is no failure."""
    done = subprocess.run(
        [BIN / "notifier", *words],
        env={**os.environ, **place.environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert orjson.loads(done.stdout), done.stderr


def acts(place: Place, first: PlannedRun, second: PlannedRun) -> dict[str, tuple[Timed, int]]:
    """{what: (times, how many people or rows)}"""
    engine = place.engine
    readers = partial(
        plan_correction, engine, _readers(engine, first), "Made-up words, to be read by nobody."
    )
    correct = partial(readers, with_doubt=False, settings=place.settings, **ACTOR)
    found = {}

    def act(name: str, do: Callable[[], Any], how_many: Callable[[Any], int]) -> None:
        done: list[Any] = []
        took = timed(engine, lambda: done.append(do()))
        found[name] = (took, how_many(done[0]))

    def people(done: Any) -> int:
        return int(done.people)

    act("correction to a whole run: dry run", lambda: correct(now=now(), dry=True), people)
    act("correction to a whole run", lambda: correct(now=now()), people)
    act("the same once more, for nobody", lambda: correct(now=now()), people)
    act("stop one condition for all its followers", partial(_withdraw, engine), people)
    _set(engine, _FAIL_ALL, second)
    act("resend a run of which all calls failed", partial(_resend, engine, second), people)
    _set(engine, _FAIL_SOME, first)
    act("resend to those who failed alone", partial(_resend, engine, first), people)
    act(f"retention, {TURN.seconds} s", partial(_retain, place), lambda gone: sum(gone.values()))
    return found


def _readers(engine: Engine, run: PlannedRun) -> Any:
    with engine.connect() as conn:
        return of_run(conn, run.key)


def _withdraw(engine: Engine) -> Any:
    with engine.connect() as conn:
        target_id = condition_target_id(conn, condition_name(COMMON))  # the first of the rare ones
    return withdraw_target(engine, target_id, "Made-up reason.", clock=now, **ACTOR)


def _resend(engine: Engine, run: PlannedRun) -> Any:
    with engine.begin() as conn:
        return resend_failed(conn, run.key, bounced=False, now=now(), **ACTOR)


def _retain(place: Place) -> dict[str, int]:
    """When all that has ended is old enough."""
    return retain(place.engine, place.settings, clock=lambda: now() + timedelta(days=5_000))


def _set(engine: Engine, statement: str, run: PlannedRun) -> None:
    with engine.begin() as conn:
        conn.execute(text(statement), {"run_id": run.run_id, "now": now()})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE batches, deliveries"))


def report(looks: int, seen: dict[str, Timed], done: dict[str, tuple[Timed, int]]) -> None:
    console = Console(highlight=False, width=100)
    table = Table(f"looked at {looks} times", "median, s", "longest, s")
    for name, took in seen.items():
        table.add_row(name, f"{took.median:.2f}", f"{took.longest:.2f}")
    console.print(table)
    table = Table("done", "people or rows", "s", "longest transaction, s")
    for name, (took, count) in done.items():
        table.add_row(name, f"{count:,}", f"{took.longest:.1f}", f"{took.transaction:.1f}")
    console.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.operators", description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--looks", type=int, default=5)
    parser.add_argument("--plans", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    configure_logs("text", logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is stopped
    with open_place() as place:
        first, second = fill(place, given.people)
        before = load_average()
        reads = WholeReads(place.engine) if given.plans else nullcontext()
        with reads:
            seen, done = looks(place, given.looks), acts(place, first, second)
    around = {
        "people": given.people,
        "deliveries": first.people + second.people,
        "load": f"{before}, then {load_average()}",
    }
    if given.json:
        figures = {name: took.as_json() for name, took in seen.items()}
        figures |= {name: {**took.as_json(), "count": count} for name, (took, count) in done.items()}
        sys.stdout.buffer.write(orjson.dumps({**around, "seconds": figures}) + b"\n")
        return 0
    print("  ".join(f"{name}: {value}" for name, value in around.items()))
    report(given.looks, seen, done)
    if isinstance(reads, WholeReads):
        reads.print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
