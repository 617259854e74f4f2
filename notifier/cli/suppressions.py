"""The do-not-mail list."""

from typing import Annotated

import typer

from notifier.cli.output import Json, Yes, confirm, print_json, print_table, stderr
from notifier.cli.session import open_session
from notifier.cli.subscribers import address_key_of
from notifier.delivery import suppressions
from notifier.ops import actions
from notifier.ops.actions import COMMAND_LINE

app = typer.Typer(
    help="Suppressions: addresses that must not be mailed, kept as keyed hashes.", no_args_is_help=True
)
Note = Annotated[str, typer.Option(help="Why; it is written down.")]


@app.command("list")
def list_suppressions(
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 50, json: Json = False
) -> None:
    """The newest first. Addresses are not kept, only hashes of them.

    Examples:

      notifier suppressions list --limit 200
      notifier suppressions list --json
    """
    with open_session(only_looks=True) as session, session.engine.connect() as conn:
        rows = suppressions.listed(conn, limit)
    if json:
        return print_json([{**row._mapping, "email_key": row.email_key.hex()} for row in rows])
    table = [
        [row.email_key.hex()[:12], row.reason, row.created_at.isoformat(), row.note or ""] for row in rows
    ]
    print_table("Suppressions", ["hash", "reason", "since", "note"], table)
    return None


@app.command()
def add(email: str, note: Note) -> None:
    """Never mail this address.

    Examples:

      notifier suppressions add ana@example.org --note "asked by telephone"
    """
    with open_session() as session, session.engine.begin() as conn:
        key = address_key_of(session, email)
        actions.suppress(conn, key, actor=COMMAND_LINE, note=note, now=session.clock())
    stderr.print("Added.")


@app.command()
def remove(email: str, note: Note, yes: Yes = False) -> None:
    """Allow mail to this address again. Subscriptions that ended stay ended.

    Examples:

      notifier suppressions remove ana@example.org --note "her mailbox works again"
    """
    confirm("Whoever complained, or asked for no mail, can be mailed again. Take it off the list?", yes)
    with open_session() as session, session.engine.begin() as conn:
        key = address_key_of(session, email)
        actions.unsuppress(conn, key, actor=COMMAND_LINE, note=note, now=session.clock())
    stderr.print("Removed.")
