"""What the ledger says."""

from typing import Annotated
from uuid import UUID

import typer

from notifier.cli.decisions import drop, retry
from notifier.cli.output import Json, print_json, print_table, stdout
from notifier.cli.session import open_session
from notifier.delivery.listing import STATES, list_deliveries
from notifier.delivery.story import delivery_story
from notifier.errors import NotifierError

app = typer.Typer(help="Deliveries: one mail to one person each.", no_args_is_help=True)


@app.command("list")
def list_newest(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    run: Annotated[str | None, typer.Option(help="Only those of this run, by its key.")] = None,
    failed_class: Annotated[
        str | None, typer.Option(help="Only those of batches that last failed this way, such as our_fault.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: Json = False,
) -> None:
    """The newest deliveries, each with its state and reason."""
    if state is not None and state not in STATES:
        raise typer.BadParameter(f"{state!a} is none of {', '.join(STATES)}.", param_hint="--state")
    with open_session() as session, session.engine.connect() as conn:
        rows = list_deliveries(conn, state=state, run=run, failure_class=failed_class, limit=limit)
    if json:
        return print_json([dict(row._mapping) for row in rows])
    columns = ["id", "run", "batch", "state", "class", "reason"]
    print_table("Deliveries", columns, [[cell or "" for cell in row] for row in rows])
    return None


@app.command()
def show(delivery_id: UUID, json: Json = False) -> None:
    """The whole story of one delivery: run, edition, attempts, feedback."""
    with open_session() as session, session.engine.connect() as conn:
        story = delivery_story(conn, delivery_id)
    if story is None:
        raise NotifierError("There is no delivery with this id.")
    if json:
        return print_json(story)
    for name, value in story.items():
        stdout.print(f"{name}: {value}", markup=False)
    return None


app.command()(retry)
app.command()(drop)
