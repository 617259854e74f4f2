"""What the ledger says."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import typer

from notifier.cli.decisions import drop, retry
from notifier.cli.output import LOOKED, Json, LookNote, ShowPii, print_json, print_table, stdout
from notifier.cli.session import Session, open_session
from notifier.delivery.listing import STATES, list_deliveries
from notifier.delivery.models import MAILS
from notifier.delivery.story import delivery_story
from notifier.errors import NotifierError
from notifier.ops.actions import COMMAND_LINE, reveal_addresses
from notifier.web.ops_words import CLASSES

app = typer.Typer(help="Deliveries: one mail to one person each.", no_args_is_help=True)
COLUMNS = ["id", "run", "batch", "address", "state", "attempts", "class", "reason"]


@app.command("list")
def list_newest(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    mail: Annotated[str | None, typer.Option(help="Only mails of this kind.")] = None,
    run: Annotated[str | None, typer.Option(help="Only those of this run, by its key.")] = None,
    failed_class: Annotated[
        str | None, typer.Option(help="Only those of batches that last failed this way, such as our_fault.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    show_pii: ShowPii = False,
    note: LookNote = LOOKED,
    json: Json = False,
) -> None:
    """The newest deliveries, each with its state and reason.

    Examples:

      notifier deliveries list --state failed
      notifier deliveries list --run daily/2026-11-22/UTC/08 --limit 200
      notifier deliveries list --mail confirm --show-pii --note "she says that nothing comes"
    """
    _check("--state", state, STATES)
    _check("--mail", mail, MAILS)
    _check("--failed-class", failed_class, CLASSES)
    with open_session(only_looks=True) as session:
        with session.engine.connect() as conn:
            found = list_deliveries(
                conn, state=state, run=run, failure_class=failed_class, limit=limit, mail=mail
            )
        rows = [dict(row._mapping) for row in found]
        if show_pii:
            _reveal(session, rows, note)
    if json:
        return print_json(rows)
    print_table("Deliveries", COLUMNS, [[_cell(row[name]) for name in COLUMNS] for row in rows])
    return None


@app.command()
def show(delivery_id: UUID, show_pii: ShowPii = False, note: LookNote = LOOKED, json: Json = False) -> None:
    """The whole story of one delivery: events, run, attempts, feedback.

    Examples:

      notifier deliveries show 0d1f3c52-77aa-4d0e-9a56-4a1a5a3f1c11
    """
    with open_session(only_looks=True) as session:
        with session.engine.connect() as conn:
            story = delivery_story(conn, delivery_id)
        if story is None:
            raise NotifierError("There is no delivery with this id.", "`notifier deliveries list` shows ids.")
        if show_pii:
            _reveal(session, [story], note)
    if json:
        return print_json(story)
    lists = {name: value for name, value in story.items() if isinstance(value, list)}
    for name, value in story.items():
        if name not in lists and value is not None:
            stdout.print(f"{name.replace('_', ' '):>16}  {_cell(value)}", markup=False)
    for name, entries in lists.items():
        print_entries(name.capitalize(), entries)
    return None


app.command()(retry)
app.command()(drop)


def print_entries(title: str, entries: list[dict[str, Any]]) -> None:
    """A table of what they have in common; nothing where there are none."""
    if entries:
        columns = [name for name in entries[0] if any(entry[name] not in (None, [], {}) for entry in entries)]
        rows = [[_cell(entry[name]) for name in columns] for entry in entries]
        print_table(title, [name.replace("_", " ") for name in columns], rows)


def _check(option: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise typer.BadParameter(f"{value!a} is none of {', '.join(allowed)}.", param_hint=option)


def _reveal(session: Session, rows: Iterable[dict[str, Any]], note: str) -> None:
    rows = list(rows)
    if not rows:
        return
    with session.engine.begin() as conn:
        ids = [row["id"] for row in rows]
        found = reveal_addresses(conn, ids, actor=COMMAND_LINE, note=note, now=session.clock())
    for row in rows:
        row["address"] = found.get(row["id"])


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_cell(part)}" for name, part in value.items() if part is not None)
    if isinstance(value, list):
        return "; ".join(map(_cell, value))
    return "" if value is None else str(value)
