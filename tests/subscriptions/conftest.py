import pytest
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.subscriptions.desk import Desk
from tests.world import World


@pytest.fixture
def desk(engine: Engine, settings: Settings) -> Desk:
    return Desk(World(engine, settings))
