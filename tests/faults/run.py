"""Break everything, many times, and count who was missed or mailed twice: `make faults`.

python -m tests.faults.run --seeds 1-20 --people 2000 --webhook on
"""

import argparse
import json
import logging
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from notifier.logs import configure_logs
from tests.faults.seed import Plan, Result, run_seed
from tests.faults.servers import postgres
from tests.faults.table import as_json, line, summary


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.run", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", default="1-20", help="such as 7, 1-20 or 3,5,8-9")
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--webhook", choices=("on", "off"), default="on")
    parser.add_argument("--jobs", type=int, default=1, help="seeds at a time; each wants two cores")
    parser.add_argument(
        "--database-url", help="a PostgreSQL where databases may be made; else an embedded one"
    )
    parser.add_argument("--keep", type=Path, help="folder for the logs and the ledger of each seed")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def seeds_of(words: str) -> list[int]:
    seeds: list[int] = []
    for part in words.split(","):
        first, _, last = part.partition("-")
        seeds += range(int(first), int(last or first) + 1)
    return seeds


def results_of(plans: list[Plan], server: str, given: argparse.Namespace) -> Iterator[Result]:
    """One seed at a time runs in this thread, so that Ctrl-C ends it in good order."""
    if given.jobs == 1:
        for plan in plans:
            yield run_seed(plan, server, keep=given.keep)
        return
    with ThreadPoolExecutor(given.jobs) as pool:
        running = [pool.submit(run_seed, plan, server, keep=given.keep) for plan in plans]
        for done in as_completed(running):
            yield done.result()


def main() -> int:
    given = arguments()
    configure_logs("text", logging.WARNING)
    plans = [Plan(seed, given.people, given.webhook == "on") for seed in seeds_of(given.seeds)]
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # stop what was started
    results: list[Result] = []
    with (
        tempfile.TemporaryDirectory(prefix="faults-home-") as home,
        postgres(Path(home), given.database_url) as server,
    ):
        for result in results_of(plans, server, given):
            results.append(result)
            print(line(result), file=sys.stderr, flush=True)
    results.sort(key=lambda result: result.plan.seed)
    print(json.dumps(as_json(results), indent=2) if given.json else summary(results))
    return 0 if all(result.good for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
