"""What an operator decides about batches: send them again, or give them up."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy import Row

from notifier.cli.output import Json, Yes, confirm, print_json, stderr
from notifier.cli.session import Session, open_session
from notifier.delivery.deciding import batches_in_question
from notifier.delivery.listing import run_of
from notifier.ops.actions import COMMAND_LINE, give_up, send_again
from tasks.wake import wake

Numbers = "Batch numbers, as `notifier deliveries list` shows them."
Note = Annotated[str, typer.Option(help="Why; it is written down.")]


class InQuestion(StrEnum):
    failed = "failed"
    unknown = "unknown"


def retry(
    batches: Annotated[list[int] | None, typer.Argument(help=Numbers)] = None,
    state: Annotated[InQuestion | None, typer.Option(help="All batches in this state.")] = None,
    run: Annotated[str | None, typer.Option(help="All that failed or are in doubt of this run.")] = None,
    note: Annotated[str | None, typer.Option(help="Why; it is written down.")] = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be sent, and do nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Send batches that failed or are in doubt once more. For one in doubt that may be a second mail.

    Name batches by number, or choose them with --state, --run or both. It tells how many people that is, and asks.

    Examples:

      notifier deliveries retry --state failed --dry-run
      notifier deliveries retry --state failed --note "the footer is mended"
      notifier deliveries retry 17 18 --note "the provider has none of it" --yes
    """
    if bool(batches) == bool(state or run):
        raise typer.BadParameter("Give batch numbers, or --state, --run or both.")
    if note is None and not dry_run:
        raise typer.BadParameter("It must say why; operators read it later.", param_hint="--note")
    with open_session() as session:
        chosen = _chosen(session, batches, state, run)
        retried = 0
        if chosen and not dry_run and note is not None:
            confirm(f"{_told(chosen)} Those in doubt may already have been mailed. Send again?", yes)
            with session.engine.begin() as conn:
                ids = [row.id for row in chosen]
                retried = send_again(conn, ids, actor=COMMAND_LINE, note=note, now=session.clock())
            wake("tasks.send")
    _report(chosen, len(batches or chosen), retried, dry_run, json)


def drop(batches: Annotated[list[int], typer.Argument(help=Numbers)], note: Note, yes: Yes = False) -> None:
    """Give up on batches that have not been accepted. The people in them do not get this digest.

    Examples:

      notifier deliveries drop 17 --note "the provider has them"
    """
    confirm("These people will not get this digest. Drop it?", yes)
    with open_session() as session, session.engine.begin() as conn:
        count = give_up(conn, batches, actor=COMMAND_LINE, note=note, now=session.clock())
    stderr.print(f"{count} of {len(batches)} dropped.")


def _chosen(
    session: Session, batches: list[int] | None, state: InQuestion | None, run: str | None
) -> Sequence[Row[Any]]:
    with session.engine.connect() as conn:
        run_id = run_of(conn, run) if run is not None else None
        found = batches_in_question(conn, state=state.value if state else None, run_id=run_id)
    return [row for row in found if not batches or row.id in batches]


def _told(chosen: Sequence[Row[Any]]) -> str:
    states = [row.state for row in chosen]
    kinds = ", ".join(f"{states.count(state):,} {state}" for state in InQuestion if state in states)
    return f"{len(chosen):,} batches ({kinds}) with {sum(row.people for row in chosen):,} people."


def _report(chosen: Sequence[Row[Any]], asked: int, retried: int, dry_run: bool, json: bool) -> None:
    if json:
        people = sum(row.people for row in chosen)
        return print_json({"batches": len(chosen), "people": people, "retried": retried, "dry_run": dry_run})
    if not chosen:
        stderr.print("None of these failed or is in doubt.")
    elif dry_run:
        stderr.print(f"{_told(chosen)} Nothing was changed.")
    else:
        stderr.print(f"{retried:,} of {asked:,} will be sent again.")
    return None
