"""The commands as a whole: found, explained, and quick to start."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from notifier.cli.main import COMMANDS, app
from tests.cli.conftest import Run

HEAVY = ("sqlalchemy", "celery", "fastapi", "alembic", "psycopg", "pydantic")


def test_help_names_every_command_and_loads_none_of_them() -> None:
    code = f"""
import sys
from typer.testing import CliRunner
from notifier.cli.main import app
print(CliRunner().invoke(app, ["--help"]).output)
print("loaded:", [name for name in {HEAVY} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [name for name in COMMANDS if f" {name} " not in done.stdout] == []
    assert done.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app, [name, "--help"])
    assert result.exit_code == 0, result.output
    assert f"notifier {name}" in result.output.replace("root", "notifier")


def test_a_word_that_is_no_command_is_wrong_use_and_the_nearest_one_is_named(run: Run) -> None:
    assert "Did you mean 'status'" in run("statsu", code=2)


def commands() -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its words."""
    todo = [("notifier", typer.main.get_command(app))]
    while todo:
        words, command = todo.pop()
        if hasattr(command, "commands"):
            todo += [(f"{words} {name}", one) for name, one in command.commands.items()]
        else:
            yield words, command


@pytest.mark.parametrize(("words", "command"), [pytest.param(*one, id=one[0]) for one in commands()])
def test_every_command_has_examples_that_it_would_take(words: str, command: Any) -> None:
    _, _, given = (command.help or "").partition("Examples:")
    lines = [line.strip() for line in given.splitlines() if line.strip()]
    assert lines, f"{words} --help shows no example"
    for line in lines:
        assert line.startswith(words), line
        said = re.split(r" [|>]|\|\|", line.removeprefix(words))[0]
        command.make_context(words, shlex.split(said))  # raises where it would not be taken
