"""A stage for each journey."""

from pathlib import Path

import pytest

from notifier.settings import Settings
from tests.journeys.stage import Stage


@pytest.fixture
def stage(settings: Settings, tmp_path: Path) -> Stage:
    return Stage(settings, tmp_path)
