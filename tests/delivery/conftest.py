"""An office for each test of the ledger."""

import pytest
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.delivery.office import Office, open_office


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)
