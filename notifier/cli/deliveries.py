"""What the ledger says, and what an operator decides about it."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

import typer
from sqlalchemy import text

from notifier.cli.output import Json, print_json, print_table, stderr, stdout
from notifier.cli.session import open_session
from notifier.delivery import deciding
from notifier.delivery.progress import brakes_on, oldest_due, states_of_all, tracked_mails
from notifier.delivery.story import delivery_story
from notifier.errors import NotifierError
from notifier.ops.heartbeat import last_beat
from tasks.wake import wake

app = typer.Typer(help="Deliveries: one mail to one person each.", no_args_is_help=True)
Batches = Annotated[
    list[int], typer.Argument(help="Batch numbers, as `notifier deliveries list` shows them.")
]
Note = Annotated[str, typer.Option(help="Why; it is written down.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command("list")
def list_deliveries(
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: Json = False,
) -> None:
    """The newest deliveries, each with its state and reason."""
    with open_session() as session, session.engine.connect() as conn:
        rows = conn.execute(
            text(
                """SELECT v.id, r.key AS run, v.batch_id AS batch, v.state, v.reason
                   FROM delivery_states v JOIN runs r ON r.id = v.run_id
                   WHERE CAST(:state AS text) IS NULL OR v.state = :state ORDER BY v.batch_id DESC, v.id LIMIT :limit"""
            ),
            {"state": state, "limit": limit},
        ).all()
    if json:
        return print_json([dict(row._mapping) for row in rows])
    print_table(
        "Deliveries", ["id", "run", "batch", "state", "reason"], [[c or "" for c in row] for row in rows]
    )
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


@app.command()
def retry(batches: Batches, note: Note, yes: Yes = False) -> None:
    """Send batches that failed or are in doubt once more. For one in doubt that may be a second mail."""
    if not yes:
        typer.confirm("A batch in doubt may already have been mailed. Send again?", abort=True, err=True)
    with open_session() as session:
        with session.engine.begin() as conn:
            count = deciding.retry_batches(conn, batches, note=note, now=session.clock())
        wake("tasks.send")
    stderr.print(f"{count} of {len(batches)} will be sent again.")


@app.command()
def drop(batches: Batches, note: Note, yes: Yes = False) -> None:
    """Give up on batches that have not been accepted. The people in them do not get this digest."""
    if not yes:
        typer.confirm("These people will not get this digest. Drop it?", abort=True, err=True)
    with open_session() as session, session.engine.begin() as conn:
        count = deciding.drop_batches(conn, batches, note=note, now=session.clock())
    stderr.print(f"{count} of {len(batches)} dropped.")


def status(json: Json = False) -> None:
    """Whether people get their mail: deliveries by state, the oldest that waits, brakes, the last sign of life."""
    with open_session() as session:
        with session.engine.connect() as conn:
            report = {
                "deliveries": states_of_all(conn),
                "oldest_due": oldest_due(conn),
                "brakes": brakes_on(conn, session.clock()),
                "opens_and_clicks": tracked_mails(conn, session.clock() - timedelta(days=7)),
            }
        report["worker_seen_at"] = last_beat(session.engine)
    if json:
        return print_json(report)
    for name, value in report.items():
        stdout.print(f"{name.replace('_', ' ')}: {value or 'none'}", markup=False)
    return None
