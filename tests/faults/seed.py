"""One seed: build the world, break the house while it works, let it come to rest, count."""

import shutil
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, text

from notifier.db.engine import make_engine
from tests.fakes.sendgrid.control import as_process
from tests.faults.chaos import Chaos
from tests.faults.counting import Verdict, dump, judge, look_into_ledger, parked_pairs
from tests.faults.house import SCHEDULERS, WORKERS, House, open_house
from tests.faults.letters import doubts_of_letters, judge_letters
from tests.faults.servers import Redis, database
from tests.faults.site import Site
from tests.faults.visitors import Visitors
from tests.faults.watch import Death, Watch
from tests.faults.world import MILD_FATES, World
from tests.waiting import wait_for

TIMES = {"lease": 3.0, "retry": 1.0, "send": 2.0, "call": 2.0, "quiet": 4.0, "sweep": 1.0}
UNKNOWN_SECONDS = 12.0
REST_SECONDS = 150
SPARE_WAVES = 3  # while some step has not been met


@dataclass(frozen=True)
class Plan:
    seed: int
    people: int = 2000
    webhook: bool = True
    waves: int = 6
    calm_waves: int = 4
    wave_seconds: float = 5.0
    step_seconds: tuple[float, float] = (1.0, 2.5)  # between two steps at which somebody is to die


@dataclass
class Result:
    plan: Plan
    verdict: Verdict
    mails: int
    seconds: float
    rested: bool
    deaths: list[Death]
    did: Counter[str]
    answers: dict[str, int]
    refused_clicks: int
    parked: int = 0  # batches in doubt that `deliveries list` shows
    unlisted: list[Any] = field(default_factory=list)  # webhook off: missed but not parked, or the reverse

    @property
    def good(self) -> bool:
        if self.plan.webhook:
            return self.rested and self.verdict.clean
        bad = self.verdict.twice or self.verdict.wrong or self.verdict.open or self.unlisted
        return self.rested and self.verdict.letters.clean and not bad


def run_seed(plan: Plan, server: str, *, keep: Path | None = None) -> Result:
    """`keep`: where the logs and the ledger go."""
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        result = _run(plan, server, folder)
        if keep:
            (folder / "verdict.json").write_bytes(orjson.dumps(result.verdict))
            shutil.copytree(folder, keep / f"seed-{plan.seed}", dirs_exist_ok=True)
        return result
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(plan: Plan, server: str, folder: Path) -> Result:
    begun = time.monotonic()
    with ExitStack() as stack:
        url = stack.enter_context(database(server))
        fake = stack.enter_context(as_process("--keep-bodies", "--mail-file", str(folder / "mails.ndjson")))
        redis = Redis(folder)
        redis.start()
        stack.callback(redis.kill)
        house = stack.enter_context(open_house(House(folder, url, redis.url, fake, TIMES, UNKNOWN_SECONDS)))
        engine = make_engine(url, application_name="observer")
        stack.callback(engine.dispose)
        world = World(plan.seed, plan.people, plan.waves + SPARE_WAVES + plan.calm_waves)
        if plan.webhook:
            hook = f"{house.url}/webhooks/sendgrid"
            fake.webhook(url=hook, duplicates=0.1, shuffle=True, missing=0.2, seed=plan.seed)
        fake.fates(world.fates())
        site = Site(house, world, engine, house.settings)
        visitors = Visitors(house, world)
        chaos = Chaos(house, redis, world, plan.step_seconds)
        watch = stack.enter_context(Watch(house, engine))
        rested = _live(plan, site, visitors, chaos, engine)
        result = _count(plan, site, chaos, watch, rested, time.monotonic() - begun)
        result.verdict.letters = judge_letters(visitors.promised, _mails(folder), doubts_of_letters(engine))
        return result


def _live(plan: Plan, site: Site, visitors: Visitors, chaos: Chaos, engine: Engine) -> bool:
    site.people_arrive()
    for name in (*WORKERS, *SCHEDULERS):
        site.house.start(name)
    wave = 0
    while wave < plan.waves or (wave < plan.waves + SPARE_WAVES and chaos.steps_left()):
        site.news(wave)
        if wave == 0:
            wait_for(lambda: site.house.fake.stats()["calls"], seconds=90)
            chaos.begin()
        site.some_leave(wave)
        visitors.come(wave, plan.wave_seconds)
        wave += 1
    chaos.end()
    visitors.go()
    for calm in range(wave, wave + plan.calm_waves):
        site.news(calm)
        time.sleep(plan.wave_seconds)
    site.world.waves = site.world.waves[: wave + plan.calm_waves]  # the rest never came
    return _comes_to_rest(plan, site, engine)


def _comes_to_rest(plan: Plan, site: Site, engine: Engine) -> bool:
    """True once nothing has been open for a while; an immediate mail may still wait for its quiet time."""
    end, quiet_since = time.monotonic() + REST_SECONDS, time.monotonic()
    while time.monotonic() < end:
        with engine.connect() as conn:
            still_open = conn.execute(text(_OPEN), {"doubt": plan.webhook}).scalar_one()
        if still_open or site.house.fake.stats()["events_waiting"]:
            quiet_since = time.monotonic()
        if time.monotonic() > quiet_since + TIMES["quiet"] + 2 * TIMES["sweep"]:
            return True
        time.sleep(0.3)
    return False


_OPEN = """
SELECT (SELECT count(*) FROM batches WHERE state IN ('planned', 'sending', 'retrying')
           OR :doubt AND state = 'unknown')
     + (SELECT count(*) FROM feedback_events WHERE applied_at IS NULL) + (SELECT count(*) FROM link_requests)
"""


def _mails(folder: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (folder / "mails.ndjson").read_bytes().splitlines()]


def _count(plan: Plan, site: Site, chaos: Chaos, watch: Watch, rested: bool, seconds: float) -> Result:
    fake, engine = site.house.fake, watch.engine
    mails = _mails(site.house.folder)
    verdict = judge(site.world, mails, fake.texts(), site.left)
    look_into_ledger(engine, verdict)
    stats = fake.stats()
    refused_by_us = ("valid address", "Bad Request")
    odd = [
        problem for problem in stats["problems"] if not any(words in problem[1] for words in refused_by_us)
    ]
    assert not odd, odd
    result = Result(
        plan,
        verdict,
        len(mails),
        seconds,
        rested,
        watch.deaths,
        chaos.did,
        stats["answers"],
        site.house.refusals["u"],
    )
    listed = orjson.loads(
        site.house.command("deliveries", "list", "--state", "unknown", "--limit", "10000", "--json")
    )
    result.parked = len({row["batch"] for row in listed})
    dump(engine, site.house.folder / "ledger.json")
    if not plan.webhook:
        accepted = {mail["delivery_id"] for mail in mails}
        parked = parked_pairs(engine, [row["id"] for row in listed if row["id"] not in accepted])
        steady = {pair for pair in parked if site.world.by_email[pair[0]].ends in ("", *MILD_FATES)}
        result.unlisted = sorted((set(verdict.missed) - parked) | (steady - set(verdict.missed)))
    return result
