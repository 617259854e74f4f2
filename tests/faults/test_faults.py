"""A short version of `make faults`: workers die at each named step, Redis and connections are lost, two schedulers
run, each message comes twice. Nobody is missed and nobody is mailed twice."""

from pathlib import Path

import pytest

from notifier.settings import Settings
from tests.faults import steps
from tests.faults.seed import Plan, Result, run_seed
from tests.faults.table import as_json

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
PEOPLE = 300


@pytest.fixture
def server(services: Settings) -> str:
    assert services.database_url
    return services.database_url


def short(seed: int, server: str, folder: Path, *, webhook: bool) -> Result:
    plan = Plan(
        seed,
        PEOPLE,
        webhook,
        waves=3,
        calm_waves=4 if webhook else 0,
        wave_seconds=4.0,
        step_seconds=(0.3, 1.0),
    )
    return run_seed(plan, server, keep=folder)


def test_whatever_is_killed_nobody_is_missed_and_nobody_is_mailed_twice(server: str, tmp_path: Path) -> None:
    result = short(1, server, tmp_path, webhook=True)
    assert result.good, as_json([result])
    assert result.verdict.letters.promised
    assert len({death.step for death in result.deaths}) >= len(steps.STEPS) - 3  # chance may spare a few


def test_without_a_webhook_doubt_is_parked_and_listed_and_not_guessed(server: str, tmp_path: Path) -> None:
    result = short(2, server, tmp_path, webhook=False)
    assert result.good, as_json([result])
    assert result.parked == result.verdict.doubted > 0
