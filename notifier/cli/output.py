"""Data goes to stdout, everything else to stderr; nobody is asked where nobody can answer."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

# Into a pipe or a file a table is as wide as it needs: a cut-off id is of no use to anybody.
stdout = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 250)
stderr = Console(stderr=True, highlight=False, soft_wrap=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of text.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
ShowPii = Annotated[
    bool, typer.Option("--show-pii", help="Addresses in full; that you looked is written down.")
]
LookNote = Annotated[str, typer.Option("--note", help="Why you look; it is written down.")]
LOOKED = "looked at on the command line"


def confirm(question: str, yes: bool) -> None:
    """Before what hurts. Ends the command unless the answer is yes."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise typer.BadParameter("There is no terminal to ask on; add --yes if you are sure.")
    typer.confirm(question, abort=True, err=True)


def print_json(data: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(data, default=str) + b"\n")
    sys.stdout.flush()


def print_table(title: str, columns: list[str], rows: list[list[Any]]) -> None:
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))  # nothing in it is markup
    stdout.print(table)


def span(length: timedelta) -> str:
    """For people: "40 s", "12 min", "3 h 5 min", "2 days"."""
    seconds = max(int(length.total_seconds()), 0)
    if seconds < 60:
        return f"{seconds} s"
    days, hours, minutes = seconds // 86_400, seconds // 3600, seconds // 60 % 60
    if days > 1:
        return f"{days} days"
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def ago(moment: datetime | None, now: datetime) -> str:
    return f"{span(now - moment)} ago" if moment else "never"


def print_counts(data: dict[str, Any]) -> None:
    for name, value in data.items():
        if not isinstance(value, list):
            stdout.print(
                f"{name.replace('_', ' '):>14}  {value:,}" if isinstance(value, int) else f"{name}: {value}"
            )


@contextmanager
def batch_progress(what: str) -> Iterator[Any]:
    """As `byte_progress`, but in batches."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def byte_progress(what: str) -> Iterator[Any]:
    """A bar on a terminal, silence elsewhere. Yields a function of (bytes done, bytes in all)."""
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
