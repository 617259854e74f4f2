"""Records in, and two of them compared."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.output import Json, byte_progress, print_counts, print_json, stderr, stdout
from notifier.cli.session import Session, open_session
from notifier.db.installation import installed_on
from notifier.ops.registry import ask_registry
from notifier.registry.diffing import diff_files
from notifier.registry.intake import IntakeResult, take_in
from notifier.registry.reading import read_paths
from notifier.registry.records import Rejection
from tasks.wake import wake

ATTEMPTS = 5

app = typer.Typer(help="Trial records: import, compare, ask the registry.", no_args_is_help=True)

Since = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="Studies first posted before this day are stored as known, without an event. "
        "[default: the day of installation]",
    ),
]


@app.command("import")
def import_records(
    paths: Annotated[
        list[Path], typer.Argument(help="Files (.json, .ndjson, either with .gz) or folders of them.")
    ],
    since: Since = None,
    json: Json = False,
) -> None:
    """Take in study records: a study, a list, or a page of API v2, of any size.

    One change event is written for each study version that followers want to hear of. A record that
    is broken or older than the stored one is left out with its file, line and reason; the rest goes in.

    Examples:

      notifier records import studies.ndjson.gz
      notifier records import downloads/ --json
    """
    with open_session() as session:
        with byte_progress("Importing") as progress:
            result = take_in(
                session.engine,
                read_paths(paths, progress),
                since=_since(session, since),
                now=session.clock(),
                on_rejection=_print_rejection,
            )
        if result.new - result.known or result.changed:
            wake("tasks.tick")
        _print_result(result, json)


@app.command()
def poll(
    since: Annotated[
        datetime | None,
        typer.Option(
            formats=["%Y-%m-%d"],
            help="Read again what was posted on or after this day. [default: what the last poll cannot have read]",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Ask the registry itself for what is new, also of each study that somebody follows, and take it in.

    With POLL_REGISTRY the workers do so by themselves. One that was broken off goes on where it was.

    Examples:

      notifier records poll
      notifier records poll --since 2026-11-01
    """
    with open_session() as session:
        result = ask_registry(
            session.engine,
            session.settings,
            clock=session.clock,
            attempts=ATTEMPTS,
            since=since.date() if since else None,
            on_rejection=_print_rejection,
        )
        wake("tasks.tick")
    if result.state == "left to others":
        stderr.print("Another poll is under way, and goes on.")
    elif result.since is None:
        stderr.print("The registry has no newer data than those that were read.")
    else:
        stderr.print(f"Read what was posted since {result.since}, and all that somebody follows.")
    _print_result(result.intake, json)


@app.command()
def diff(before: Path, after: Path, json: Json = False) -> None:
    """Say what a follower of the study would be told of the step from one record file to another.

    Examples:

      notifier records diff before.json after.json
    """
    found = diff_files(before, after)
    if json:
        return print_json(found)
    stdout.print(f"{found['nct_id']}: {found['kind']}")
    for change in found["changes"]:
        stdout.print(
            f"  {change['field']}\n    before: {change['before']}\n    after:  {change['after']}",
            markup=False,
        )
    return None


def _since(session: Session, chosen: datetime | None) -> date:
    if chosen:
        return chosen.date()
    with session.engine.connect() as conn:
        return installed_on(conn)


def _print_rejection(rejection: Rejection) -> None:
    stderr.print(f"{rejection.file}:{rejection.line}: {rejection.reason}", markup=False)


def _print_result(result: IntakeResult, json: bool) -> None:
    if json:
        return print_json(result.as_json())
    print_counts(result.as_json())
    if result.known:
        stdout.print(
            f"{result.known:,} first posted before --since: stored as known, nobody is told of them."
        )
    return None
