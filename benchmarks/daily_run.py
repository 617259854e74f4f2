"""A daily run, planned, rendered and handed to a provider over HTTPS, beside the usual design.

python -m benchmarks.daily_run [--people 100000] [--conditions 5000] [--events 200] [--usual 0.1] [--json]
"""

import argparse
import logging
import os
import signal
import sys
import time
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any

import orjson
from sqlalchemy import text

from benchmarks import usual
from benchmarks.checks import Expected, calls_in, complaints, ledger_complaints
from benchmarks.place import Place, open_place, wait_for
from benchmarks.report import as_json, load_average, print_table
from benchmarks.runs import OURS, USUAL, Measured, run_ours, run_usual, split
from benchmarks.world import World
from notifier.delivery.mail_links import MailLinks
from notifier.links.keys import signing_keys
from notifier.logs import configure_logs
from notifier.registry.intake import take_in
from notifier.registry.records import RawRecord
from notifier.subscriptions.importing import import_subscribers
from tasks import app

LONG_AGO = date(2000, 1, 1)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.daily_run", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--conditions", type=int, default=5_000)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--usual", type=float, default=0.1, help="share of the people; 0: without comparison")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--latency-ms", type=float, default=0, help="the provider thinks before it answers")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def fill(place: Place, world: World) -> dict[str, Any]:
    """People through the real import, then the day's studies through the real intake."""
    people = place.folder / "people.csv"
    world.write_people(people)
    now, began = datetime.now(UTC), time.monotonic()
    result = import_subscribers(
        place.engine, people, settings=place.settings, keys=signing_keys(place.settings), now=now
    )
    seconds = time.monotonic() - began
    assert result.subscribers == world.people, result.as_json()
    records = (RawRecord("made-up", line, one) for line, one in enumerate(world.records(), 1))
    taken = take_in(place.engine, records, since=LONG_AGO, now=now)
    assert taken.new == world.events, taken.as_json()
    return {"rows imported": result.read, "import seconds": round(seconds, 1)}


def measure(place: Place, world: World, share: float) -> tuple[Measured, Measured | None, Expected]:
    """The usual design before and after ours, so that both meet the same weather."""
    with place.engine.begin() as conn:
        conn.execute(text(usual.TABLE))
        rows = conn.execute(text("SELECT id, email, public_id FROM subscribers ORDER BY id")).all()
    ids, due = {row.email: row.id for row in rows}, world.expected()
    expected = Expected(due, {row.email: row.public_id for row in rows})
    ranges = split(1, int(world.people * share), 2) if share else []
    compared = Measured()
    with ExitStack() as stack:
        if ranges:
            stack.enter_context(place.celery(USUAL, "-A", "benchmarks.usual", "worker"))
        stack.enter_context(
            place.celery(OURS, "-A", "tasks", "worker", "--queues", "prompt,build,send,upkeep")
        )
        nodes = 2 if ranges else 1
        wait_for(lambda: len(app.control.ping(timeout=0.5)) == nodes, "the workers answer", 60)
        halves = [(ids_, sum(ids_[0] <= ids[email] <= ids_[1] for email in due)) for ids_ in ranges]
        for half in halves[:1]:
            compared.add(run_usual(place, *half))
        ours = run_ours(place)
        for half in halves[1:]:
            compared.add(run_usual(place, *half))
    return ours, compared if ranges else None, expected


def check(place: Place, ours: Measured, compared: Measured | None, expected: Expected) -> list[str]:
    links = MailLinks.of(signing_keys(place.settings), place.settings.public_url)
    found = complaints(calls_in(place.spool, ours.call_ranges), expected, links, house=True)
    found += ledger_complaints(place.engine, calls_in(place.spool, ours.call_ranges), len(expected.studies))
    if compared:
        with place.engine.connect() as conn:
            mailed = conn.execute(
                text("SELECT email FROM subscribers s JOIN usual_deliveries d ON d.subscriber_id = s.id")
            ).scalars()
            theirs = Expected({email: expected.studies[email] for email in mailed}, expected.public_ids)
        found += complaints(calls_in(place.spool, compared.call_ranges), theirs, links, house=False)
    return found


def main() -> int:
    given = arguments()
    configure_logs("text", logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that all that was started is stopped
    world = World(given.people, given.conditions, given.events, given.seed)
    around: dict[str, Any] = {"people": world.people, "conditions": world.conditions, "studies": world.events}
    with open_place(given.latency_ms) as place:
        os.environ.update(place.environment)
        around |= fill(place, world)
        around["load before"] = load_average()
        ours, compared, expected = measure(place, world, given.usual)
        around["load after"] = load_average()
        around["complaints"] = check(place, ours, compared, expected)
    if given.json:
        print(orjson.dumps(as_json(ours, compared, around), option=orjson.OPT_INDENT_2).decode())
    else:
        print_table(ours, compared, around)
        print(
            "Everybody was mailed once, with a link that works and a study they follow."
            * (not around["complaints"])
        )
    for line in around["complaints"]:
        print(line, file=sys.stderr)
    return 1 if around["complaints"] else 0


if __name__ == "__main__":
    sys.exit(main())
