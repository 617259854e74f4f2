import pytest
from sqlalchemy import Engine

from notifier.settings import Settings
from tests.delivery.office import Office, open_office


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """Eight people, one digest to each of them planned a moment ago."""
    return open_office(engine, settings)
