"""What the documents name is there: files, pictures, commands, make targets."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from notifier.cli.main import app
from tests.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)|<img src=\"([^\"]+)\"")
_COMMAND = re.compile(r"(?:`|\.venv/bin/)notifier ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?")
_TARGET = re.compile(r"(?:`|^ {4})make ([a-z][a-z-]*)", re.M)
every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))


@every_document
def test_every_file_it_leads_to_is_there(document: Path):
    named = ["".join(found) for found in _LINK.findall(document.read_text("utf-8"))]
    assert [name for name in named if not (document.parent / name).exists()] == []


@every_document
def test_every_command_it_names_is_one(document: Path):
    assert [words for words in _COMMAND.findall(document.read_text("utf-8")) if not _is_command(*words)] == []


@every_document
def test_every_target_of_make_is_one(document: Path):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.M))
    assert set(_TARGET.findall(document.read_text("utf-8"))) <= targets


def _is_command(first: str, second: str) -> bool:
    return first in COMMANDS and (COMMANDS[first] is None or second in ("", *COMMANDS[first]))


def _commands() -> Iterator[tuple[str, list[str] | None]]:
    top = typer.main.get_command(app)
    for name, command in top.commands.items():  # type: ignore[attr-defined]
        yield name, list(command.commands) if hasattr(command, "commands") else None


COMMANDS = dict(_commands())
