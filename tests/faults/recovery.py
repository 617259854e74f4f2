"""How long a killed worker is missed, with the times of production: `python -m tests.faults.recovery`.

One of two workers is killed in the middle of a run, at two of the named steps. Measured is how long it takes until
nothing that it held is without an owner, and until nothing of it is in doubt.
"""

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path

from notifier.db.engine import make_engine
from tests.fakes.sendgrid.control import as_process
from tests.faults import steps
from tests.faults.house import SCHEDULERS, House, open_house
from tests.faults.servers import Redis, database, postgres
from tests.faults.site import Site
from tests.faults.watch import Death, Watch
from tests.faults.world import World
from tests.waiting import wait_for

CASES = (steps.COMMITTED, steps.ACCEPTED)
PRODUCTION_GRACE_SECONDS = 900.0
LATENCY_SECONDS = 0.5  # so that the run lasts until the survivor has found what the other left
PATIENCE_SECONDS = 180


def measure(step: str, server: str, folder: Path, people: int) -> Death:
    with ExitStack() as stack:
        url = stack.enter_context(database(server))
        fake = stack.enter_context(as_process("--keep-bodies"))
        redis = Redis(folder)
        redis.start()
        stack.callback(redis.kill)
        house = House(folder, url, redis.url, fake, times={}, unknown_seconds=PRODUCTION_GRACE_SECONDS)
        stack.enter_context(open_house(house))
        engine = make_engine(url, application_name="observer")
        stack.callback(engine.dispose)
        fake.webhook(url=f"{house.url}/webhooks/sendgrid", interval=1.0)
        fake.script(latency=LATENCY_SECONDS)
        site = Site(house, World(0, people, 1), engine, house.settings)
        site.people_arrive()
        for name in ("worker1", "worker2", SCHEDULERS[0]):
            house.start(name)
        watch = stack.enter_context(Watch(house, engine))
        site.news(0)
        wait_for(lambda: fake.stats()["accepted_calls"] > 20, seconds=PATIENCE_SECONDS)
        steps.arm(house.plans, step, steps.GROUP)
        with suppress(
            AssertionError
        ):  # what is in doubt and was not accepted waits for the webhook's silence
            wait_for(lambda: watch.deaths and watch.deaths[0].settled, seconds=PATIENCE_SECONDS)
        return watch.deaths[0]


def told(death: Death) -> str:
    settled = f"{death.settled:.0f} s" if death.settled else f"more than {PATIENCE_SECONDS} s"
    return f"none without an owner after {death.noticed or 0:.0f} s; {death.doubted} in doubt, none after {settled}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.recovery", description=__doc__)
    parser.add_argument("--people", type=int, default=2000)
    parser.add_argument("--database-url")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found = []
    with (
        tempfile.TemporaryDirectory(prefix="faults-home-") as home,
        postgres(Path(home), given.database_url) as server,
    ):
        for step in CASES:
            with tempfile.TemporaryDirectory(prefix="faults-") as folder:
                found.append(measure(step, server, Path(folder), given.people))
    if given.json:
        print(json.dumps([vars(death) | {"held": len(death.held)} for death in found]))
    else:
        for death in found:
            print(f"killed {steps.STEPS[death.step]}: {len(death.held)} batches were under way;", told(death))
    return 0


if __name__ == "__main__":
    sys.exit(main())
