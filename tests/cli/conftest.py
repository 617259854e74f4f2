"""Commands, run in this process against the test's own database."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from typer.testing import CliRunner

from notifier.cli.main import app
from notifier.errors import NotifierError
from notifier.settings import Settings, load_settings

Run = Callable[..., Any]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; its JSON with --json, else what it printed. Raises NotifierError as the command would."""
    for name in ("database_url", "redis_url", "notifier_home", "outbox_dir", "public_url"):
        monkeypatch.setenv(name.upper(), str(getattr(settings, name)))
    monkeypatch.setenv("SECRET_KEYS", settings.secret_keys[0].get_secret_value())
    load_settings.cache_clear()

    def run(*words: str, code: int = 0) -> Any:
        result = CliRunner().invoke(app, words)
        if isinstance(result.exception, NotifierError):
            raise result.exception
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if "--json" in words else result.output

    yield run
    load_settings.cache_clear()
    structlog.reset_defaults()  # the command wrote to a terminal that is gone now
