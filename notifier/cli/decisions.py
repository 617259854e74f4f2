"""What an operator decides about batches: send them again, or give them up."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

import typer
from sqlalchemy import Row

from notifier.cli.output import Json, Yes, confirm, print_json, stderr
from notifier.cli.session import Session, open_session
from notifier.delivery.deciding import as_they_were, batches_in_question, batches_not_gone, batches_to_drop
from notifier.delivery.listing import run_of
from notifier.delivery.readers import of_event
from notifier.ops.actions import COMMAND_LINE, give_up, send_again
from tasks.wake import wake

Numbers = "Batch numbers, as `notifier deliveries list` shows them."
DONE = {"retried": "will be sent again", "dropped": "dropped"}
NONE = {
    "retried": "None of these failed or is in doubt.",
    "dropped": "None of these can be dropped: there is no such batch, or its mail was accepted or is being sent.",
}


@dataclass(frozen=True)
class Decided:
    what: str  # "retried" or "dropped"
    named: list[int]  # by number; empty where they were chosen otherwise
    count: int
    dry_run: bool


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
    Exit 1 when a batch that was named could not be taken.

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
                ids = as_they_were(conn, chosen)  # the question may have stood there for hours
                retried = send_again(conn, ids, actor=COMMAND_LINE, note=note, now=session.clock())
            wake("tasks.send")
    _report(chosen, Decided("retried", batches or [], retried, dry_run), json)


class NotGone(StrEnum):
    planned = "planned"
    retrying = "retrying"
    failed = "failed"
    unknown = "unknown"


def drop(
    batches: Annotated[list[int] | None, typer.Argument(help=Numbers)] = None,
    state: Annotated[NotGone | None, typer.Option(help="All batches in this state.")] = None,
    run: Annotated[str | None, typer.Option(help="All of this run that have not gone out.")] = None,
    event: Annotated[
        int | None,
        typer.Option(help="All that tell of this change event, as `notifier trace --study` names it."),
    ] = None,
    note: Annotated[str | None, typer.Option(help="Why; it is written down.")] = None,
    yes: Yes = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be dropped, and do nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Give up on batches that have not been accepted. The people in them do not get this mail.

    Name batches by number, or choose them with --state, --run and --event. It tells how many people that is, and
    asks. Exit 1 when a batch that was named could not be dropped.

    Examples:

      notifier deliveries drop 17 --dry-run
      notifier deliveries drop --state failed --run daily/2026-11-22/UTC/08 --note "too late to be of use"
      notifier deliveries drop --event 812 --note "a wrong mail"
    """
    _check_choice(batches, state, run, event)
    if note is None and not dry_run:
        raise typer.BadParameter("It must say why; operators read it later.", param_hint="--note")
    with open_session() as session:
        chosen = _not_gone(session, batches, state, run, event)
        dropped = 0
        if chosen and not dry_run and note is not None:
            confirm(f"{_told(chosen)} These people will not get this mail. Drop it?", yes)
            with session.engine.begin() as conn:
                ids = [row.id for row in chosen]
                dropped = give_up(conn, ids, actor=COMMAND_LINE, note=note, now=session.clock())
    _report(chosen, Decided("dropped", batches or [], dropped, dry_run), json)


def _check_choice(
    batches: list[int] | None, state: NotGone | None, run: str | None, event: int | None
) -> None:
    """All that is planned is no choice that anybody means."""
    if bool(batches) == bool(state or run or event is not None):
        raise typer.BadParameter("Give batch numbers, or --state, --run, --event or some of them.")
    if state in (NotGone.planned, NotGone.retrying) and run is None and event is None:
        raise typer.BadParameter("Of mail that is still to go out, say also --run or --event.")


def _not_gone(
    session: Session, batches: list[int] | None, state: NotGone | None, run: str | None, event: int | None
) -> Sequence[Row[Any]]:
    with session.engine.connect() as conn:
        if batches:
            return batches_to_drop(conn, batches)
        if event is not None:
            of_event(conn, event)  # or a number that is none would look like nothing left
        run_id = run_of(conn, run) if run is not None else None
        return batches_not_gone(conn, state=state.value if state else None, run_id=run_id, event_id=event)


def _chosen(
    session: Session, batches: list[int] | None, state: InQuestion | None, run: str | None
) -> Sequence[Row[Any]]:
    with session.engine.connect() as conn:
        run_id = run_of(conn, run) if run is not None else None
        found = batches_in_question(conn, state=state.value if state else None, run_id=run_id)
    return [row for row in found if not batches or row.id in batches]


def _told(chosen: Sequence[Row[Any]]) -> str:
    states = [row.state for row in chosen]
    kinds = ", ".join(f"{states.count(state):,} {state}" for state in dict.fromkeys(states))
    people = sum(row.people for row in chosen)
    batches = "1 batch" if len(chosen) == 1 else f"{len(chosen):,} batches"
    return f"{batches} ({kinds}) with {'1 person' if people == 1 else f'{people:,} people'}."


def _report(chosen: Sequence[Row[Any]], decided: Decided, json: bool) -> None:
    """Exit 1 where a batch that was named was not taken."""
    left = sorted(set(decided.named) - {row.id for row in chosen})
    if json:
        numbers = {"batches": len(chosen), "people": sum(row.people for row in chosen)}
        print_json({**numbers, decided.what: decided.count, "dry_run": decided.dry_run})
    elif not chosen:
        stderr.print(NONE[decided.what])
    elif decided.dry_run:
        stderr.print(f"{_told(chosen)} Nothing was changed.")
    else:
        asked = len(set(decided.named)) or len(chosen)
        stderr.print(f"{decided.count:,} of {asked:,} {DONE[decided.what]}.")
    if left and not json and chosen:
        stderr.print(f"Not taken, as they are in no such state: {', '.join(map(str, left))}.")
    if left or (decided.named and not decided.dry_run and decided.count < len(chosen)):
        raise typer.Exit(1)
