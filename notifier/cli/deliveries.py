"""What the ledger says."""

from typing import Annotated

import typer
from sqlalchemy import text

from notifier.cli.output import Json, print_json, print_table, stdout
from notifier.cli.session import open_session
from notifier.delivery.progress import brakes_on, oldest_due, states_of_all
from notifier.ops.heartbeat import last_beat

app = typer.Typer(help="Deliveries: one mail to one person each.", no_args_is_help=True)


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


def status(json: Json = False) -> None:
    """Whether people get their mail: deliveries by state, the oldest that waits, brakes, the last sign of life."""
    with open_session() as session:
        with session.engine.connect() as conn:
            report = {
                "deliveries": states_of_all(conn),
                "oldest_due": oldest_due(conn),
                "brakes": brakes_on(conn),
            }
        report["worker_seen_at"] = last_beat(session.engine)
    if json:
        return print_json(report)
    for name, value in report.items():
        stdout.print(f"{name.replace('_', ' ')}: {value or 'none'}", markup=False)
    return None
