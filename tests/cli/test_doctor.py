"""`notifier doctor` as an operator sees it."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from notifier.cli.main import app
from notifier.settings import load_settings
from tests.cli.conftest import Run


def test_what_is_wrong_is_told_with_its_remedy_and_the_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9/0")
    monkeypatch.setenv("PUBLIC_URL", "http://localhost:9")
    load_settings.cache_clear()
    told = run("doctor", code=1)
    assert "fail  redis" in told
    assert "Check REDIS_URL" in told
    assert "Something is wrong:" in told.strip().splitlines()[-1]
    report = run("doctor", "--json", code=1)
    said = {one["check"]: one for one in report["checks"]}
    assert said["redis"]["status"] == "fail"
    assert all(said["redis"][name] for name in ("what", "why", "remedy"))
    assert not report["ok"]
    assert "redis" in report["verdict"]


def test_settings_that_cannot_be_read_are_a_finding_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEYS", "short-and-secret")
    load_settings.cache_clear()
    result = CliRunner().invoke(app, ["doctor", "--json"])
    load_settings.cache_clear()
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [one["check"] for one in report["checks"] if one["status"] == "fail"] == ["settings"]
    assert "short-and-secret" not in result.output


def test_where_nothing_is_set_up_doctor_makes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = tmp_path / "nowhere"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFIER_HOME", str(nowhere))
    load_settings.cache_clear()
    result = CliRunner().invoke(app, ["doctor", "--json"])
    load_settings.cache_clear()
    said = {one["check"]: one for one in json.loads(result.stdout)["checks"]}
    assert (result.exit_code, said["services"]["status"]) == (1, "fail")
    assert f"{nowhere} has no database" in said["services"]["what"]
    assert not nowhere.exists()
