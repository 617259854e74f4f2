"""Each event reaches each of its followers exactly once, whatever happens in whatever order."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.digests.promise_checks import check_ledger
from tests.digests.promise_crowd import Crowd
from tests.digests.promise_machine import PromiseFour
from tests.world import World

EXAMPLES = int(os.environ.get("PROMISE_EXAMPLES", "0"))  # set: that many, other ones each time
SEEDS = int(os.environ.get("PROMISE_SEED", "1"))
pytestmark = pytest.mark.timeout(900)  # some 25 s; it may wait long for its turn on a busy machine
THOROUGH = hypothesis_settings(
    max_examples=EXAMPLES or 40,
    stateful_step_count=30,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


def test_every_reader_is_told_exactly_once_of_what_they_follow(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    class Machine(PromiseFour):
        world = World(engine, settings)
        folder = tmp_path

    run_state_machine_as_test(Machine, settings=THOROUGH)


@pytest.mark.parametrize("seed", range(SEEDS, SEEDS + (EXAMPLES // 20 or 1)))
def test_many_hands_at_once_neither_repeat_nor_drop_nor_get_stuck(
    engine: Engine, settings: Settings, tmp_path: Path, seed: int
) -> None:
    crowd = Crowd(World(engine, settings), tmp_path, seed)
    crowd.live(rounds=8, deeds=6)
    crowd.come_to_rest()
    check_ledger(engine, settings.quiet_interval)
    assert sum(map(len, crowd.world.told().values())) > 30
