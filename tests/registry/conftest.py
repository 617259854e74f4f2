import pytest
from sqlalchemy import Engine, text

from tests.fakes.registry import Registry
from tests.registry.caller import Caller


@pytest.fixture
def ask(registry: Registry, engine: Engine) -> Caller:
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET installed_at = '2026-11-05 12:00Z'"))
    return Caller(registry, engine)
