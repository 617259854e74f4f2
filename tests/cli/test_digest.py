"""The moment of a digest run, as an operator types it."""

import pytest
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.office import ASTHMA, Office, open_office
from tests.world import NOON, World, days

RUN = ("digest", "run", "--frequency", "daily", "--at")
WARNING = "--at lies in the future: these digests stay silent until then."


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.mark.parametrize(
    "at", ["", "tomorrow", "0001-01-01", "1999-12-31", "2101-01-01", "\udcff", "2026-11-22\udcff08:00"]
)
def test_a_moment_that_cannot_be_meant_is_wrong_use(run: Run, at: str) -> None:
    assert "--at" in run(*RUN, at, code=2)


def test_a_run_in_the_future_says_that_its_digests_stay_silent_until_then(run: Run, office: Office) -> None:
    assert WARNING in run(*RUN, "2099-12-24T12:00Z")
    assert WARNING not in run(*RUN, "2099-12-24T12:00Z", "--dry-run")
    assert WARNING not in run(*RUN, "2020-12-24T12:00Z")


def test_a_dry_run_says_to_how_many_it_would_go_and_writes_nothing(
    run: Run, engine: Engine, settings: Settings
) -> None:
    world = World(engine, settings)
    for name in ("anna", "ben", "carla"):
        world.person(name, ASTHMA)
    world.event(ASTHMA, kind="new_study")
    dry = (*RUN, (NOON + days(1)).isoformat(), "--dry-run")
    assert run(*dry).startswith("This would go to 3 people in 1 edition. Nothing was written.")
    assert run(*dry, "--json")["people"] == 3
    assert run("deliveries", "list", "--json") == []
