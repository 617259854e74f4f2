"""After a backup was restored: what may have been mailed since is not mailed again."""

import gzip
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TextIO, cast

import typer

from notifier.cli.output import Json, Yes, confirm, print_json, stderr
from notifier.cli.session import Session, open_session
from notifier.db.copies import is_away
from notifier.delivery.audit import check_note
from notifier.delivery.restoring import at_home_again, doubtful, end_again, last_tried_at, park
from notifier.errors import NotifierError
from notifier.ops.actions import COMMAND_LINE
from notifier.subscriptions.journal import LastWord, endings

Note = Annotated[str, typer.Option(help="Why; it is written down.")]
Until = Annotated[
    str | None,
    typer.Option(
        help="When the database that is gone was last used, such as 2026-11-22T08:00Z. [default: now]"
    ),
]
Logs = Annotated[
    list[Path] | None,
    typer.Option(help="A log since the backup, one or more: who stopped or was erased since."),
]
Drop = Annotated[
    bool,
    typer.Option("--drop", help="Give up what may have gone out, and what is new since --until with it."),
]
Moved = Annotated[
    bool, typer.Option("--nothing-lost", help="It was moved or failed over, and every change came along.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be parked, and do nothing.")]
AT_HOME = "Nothing here shows that this database was restored: it is where it was last used. Go on only if you know."
NOBODY_ENDED = (
    "No --log names anybody who stopped or was erased since the backup: whoever did would be mailed again."
)


def restored(
    note: Note,
    until: Until = None,
    log: Logs = None,
    drop: Drop = False,
    nothing_lost: Moved = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Tell Notifier that its database was restored from a backup, or has moved. Until then it sends nothing.

    What may have gone out since the backup becomes `unknown`: it is not mailed again unless you say so. First bring
    the records up to date: what was told since must be there to be parked.

    Examples:

      notifier db restored --until 2026-11-22T08:00Z --log web.log --note "disk failure" --dry-run
      notifier db restored --nothing-lost --note "moved to a new server"
    """
    check_note(note)  # before the first step, as the last one writes it down
    last, ended = _moment(until), _read(log or [])
    with open_session() as session:
        report = _look(session, last, len(ended), nothing_lost=nothing_lost)
        _warn(session, anybody_ended=bool(ended), nothing_lost=nothing_lost)
        if not dry_run:
            confirm(_question(report), yes)
            report |= _do(session, last, ended, note, drop=drop, nothing_lost=nothing_lost)
    if json:
        return print_json({**report, "dry_run": dry_run})
    for name, value in report.items():
        stderr.print(f"{name.replace('_', ' '):>18}  {value:,}", markup=False)
    if not dry_run:
        stderr.print("Sending is paused. `notifier sending resume --note WHY` lets it go on.", markup=False)
    return None


def _look(session: Session, until: datetime | None, ended: int, *, nothing_lost: bool) -> dict[str, int]:
    if nothing_lost:
        return {}
    with session.engine.connect() as conn:
        found, tried_at = doubtful(conn, until or session.clock()), last_tried_at(conn)
    if until and tried_at and until < tried_at.replace(microsecond=0):
        raise NotifierError(
            f"--until is too early: this backup itself knows of mail at {tried_at:%Y-%m-%dT%H:%M:%SZ}.",
            "Say when the database that is gone was last used. Without a zone it is taken for UTC.",
        )
    return {
        "open_batches": found.batches,
        "people_in_them": found.people,
        "schedules_due": found.schedules,
        "people_who_ended": ended,
    }


def _warn(session: Session, *, anybody_ended: bool, nothing_lost: bool) -> None:
    with session.engine.connect() as conn:
        if not is_away(conn):
            stderr.print(AT_HOME, markup=False)
    if not anybody_ended and not nothing_lost:
        stderr.print(NOBODY_ENDED, markup=False)


def _question(report: dict[str, int]) -> str:
    if not report:
        return "Nothing that was written is missing here, and no other copy of it sends mail?"
    return (
        f"{report['open_batches']:,} batches with {report['people_in_them']:,} people were open, and runs of "
        f"{report['schedules_due']:,} schedules were due since. Are the records up to date, and is this to be parked?"
    )


def _do(
    session: Session,
    until: datetime | None,
    ended: Mapping[str, LastWord],
    note: str,
    *,
    drop: bool,
    nothing_lost: bool,
) -> dict[str, int]:
    """Each step can be repeated: only the last one says that it is done."""
    now, done = session.clock(), dict[str, int]()
    if not nothing_lost:
        again = end_again(session.engine, ended, settings=session.settings, now=now)
        parked = park(session.engine, until=until or now, settings=session.settings, now=now, drop=drop)
        done = {"stopped_again": again["stopped"], "erased_again": again["erased"]}
        done |= {"parked_batches": parked.batches, "parked_people": parked.people}
    with session.engine.begin() as conn:
        at_home_again(conn, actor=COMMAND_LINE, note=note, now=now)
    return done


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise typer.BadParameter("It looks like 2026-11-22T08:00Z.", param_hint="--until") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _read(paths: list[Path]) -> dict[str, LastWord]:
    lines: list[str] = []
    for path in paths:
        try:
            with _open(path) as file:
                lines += (line for line in file if "person_" in line)
        except (OSError, EOFError) as error:
            why = getattr(error, "strerror", None) or error
            raise NotifierError(f"{path}: cannot be read ({why}).", "Check the path.") from None
    return endings(lines)


def _open(path: Path) -> TextIO:
    if path.suffix == ".gz":
        return cast(TextIO, gzip.open(path, "rt", encoding="utf-8", errors="replace"))
    return path.open(encoding="utf-8", errors="replace")
