"""Commands whose modules are loaded when they are called: no command waits for what only another one needs."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command, get_group

Entries = Mapping[str, tuple[str, str]]
"""{name: ("module:attribute" of a function or a Typer app, its one sentence for the list of commands)}"""


class LazyGroup(TyperGroup):
    entries: Entries = {}

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = _Loaded(self.entries)
        self._listing = False

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self._listing:
            return TyperCommand(cmd_name, help=self.entries[cmd_name][1])
        return super().get_command(ctx, cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self._listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._listing = False


class _Loaded(dict[str, Any]):
    """Its values are made when they are asked for."""

    def __init__(self, entries: Entries) -> None:
        super().__init__(dict.fromkeys(entries))
        self._entries = entries

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self[name] = load(name, self._entries[name][0])
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        try:
            return self[name]
        except KeyError:
            return default

    def items(self) -> Iterator[tuple[str, Any]]:  # type: ignore[override]
        return ((name, self[name]) for name in self)

    def values(self) -> Iterator[Any]:  # type: ignore[override]
        return (self[name] for name in self)


def load(name: str, path: str) -> Any:
    module, _, attribute = path.partition(":")
    found = getattr(import_module(module), attribute)
    if isinstance(found, typer.Typer):
        command: Any = get_group(found)
    else:
        alone = typer.Typer(add_completion=False)
        alone.command(name)(found)
        command = get_command(alone)
    command.name = name
    return command
