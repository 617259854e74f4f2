"""After an accident: send what failed once more, correct what was wrong, end what was withdrawn."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.corrections_words import failed_words, follower_words, reader_words
from notifier.cli.output import Json, Yes, batch_progress, confirm, print_json, print_table, stderr
from notifier.cli.session import Session, open_session
from notifier.delivery.corrections import PlannedCorrection, newest_corrections, plan_correction
from notifier.delivery.progress import states_of_runs
from notifier.delivery.readers import Readers, of_editions, of_event, of_run, of_withdrawal
from notifier.delivery.resending import Resent, count_failed, resend_failed
from notifier.delivery.withdrawals import (
    Withdrawn,
    condition_target_id,
    count_followers,
    study_target_id,
    withdraw_target,
)
from notifier.digests.corrections import (
    CorrectionContent,
    checked_reason,
    checked_text,
    render_correction,
)
from notifier.errors import NotifierError
from notifier.ops.actions import COMMAND_LINE
from notifier.subscriptions.former_ids import also_followed_as
from tasks.wake import wake

app = typer.Typer(
    help="Corrections after an accident: send again, correct, withdraw, list.", no_args_is_help=True
)

Note = Annotated[
    str | None, typer.Option(help="Why, for other operators; it is written down. Name nobody and nothing.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
File = Annotated[Path, typer.Argument(help="Your words, as plain text in UTF-8; - reads them from a pipe.")]
Editions = Annotated[
    list[int] | None, typer.Option("--edition", help="To whom got this edition; repeat it for more.")
]
Event = Annotated[int | None, typer.Option(help="To whom got any edition about this change event.")]
Run = Annotated[str | None, typer.Option(help="To whom got anything in this run, by its key.")]
WithDoubt = Annotated[
    bool, typer.Option("--with-doubt", help="Also to those who may have got it, and may not.")
]
Bounced = Annotated[
    bool, typer.Option("--bounced", help="Also to those whose mail came back, if they may be mailed.")
]
Reason = Annotated[
    str, typer.Option(help="Why, for those who follow it; it stands on their own page, and in their data.")
]
Study = Annotated[str | None, typer.Option("--study", help="A study, by its NCT number.")]
Condition = Annotated[str | None, typer.Option("--condition", help="A condition, by its name.")]


@app.command()
def resend(
    run: Annotated[str, typer.Option(help="The run, by its key.")],
    bounced: Bounced = False,
    note: Note = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Send what failed in a run once more: to each person whom it failed for, and to nobody else.

    Whoever has stopped, or is on the do-not-mail list, stays as they are.

    Examples:

      notifier corrections resend --run daily/2026-11-22/UTC/08 --dry-run
      notifier corrections resend --run daily/2026-11-22/UTC/08 --note "the template is mended"
    """
    why = _why(note, dry_run)
    with open_session() as session:
        with session.engine.connect() as conn:
            found = count_failed(conn, run, bounced=bounced)
        if why and found.people:
            confirm(f"{failed_words(found)} Send again?", yes)
            with session.engine.begin() as conn:
                found = resend_failed(
                    conn, run, bounced=bounced, actor=COMMAND_LINE, note=why, now=session.clock()
                )
            _wake(session)
    _report(found, failed_words(found), why and found.people and "They will be sent again.", dry_run, json)


@app.command()
def send(
    file: File,
    edition: Editions = None,
    event: Event = None,
    run: Run = None,
    study: Study = None,
    condition: Condition = None,
    with_doubt: WithDoubt = False,
    note: Note = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """Mail a correction to exactly those who got certain mails, once to each, however often you repeat this.

    With --study or --condition: to those whose updates ended when it was withdrawn. A dry run shows the mail. Whoever
    has stopped all mail gets none.

    Examples:

      notifier corrections send words.txt --edition 31 --dry-run
      notifier corrections send words.txt --event 812 --note "wrong status in the record of 20 November"
      notifier corrections send words.txt --study NCT01234567 --note "tell them why"
    """
    if [bool(edition), event is not None, bool(run), bool(study), bool(condition)].count(True) != 1:
        raise typer.BadParameter("Give one of --edition, --event, --run, --study and --condition.")
    words, why = _read(file), _why(note, dry_run)
    with open_session() as session:
        readers = _readers(session, edition, event, run, study, condition)
        planned = _plan(session, readers, words, with_doubt, None)
        if why and planned.people:
            confirm(f"{reader_words(planned)} Send it?", yes)
            planned = _plan(session, readers, words, with_doubt, why)
            _wake(session)
        elif not json:
            _show(session, readers, words)
    _report(planned, reader_words(planned), planned.run and f"It goes out as {planned.run}.", dry_run, json)


@app.command()
def withdraw(
    reason: Reason,
    study: Study = None,
    condition: Condition = None,
    note: Note = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    json: Json = False,
) -> None:
    """End everybody's updates about a study or a condition, and hold back what is queued about it.

    What else they follow goes on. Each can start it again for 30 days. Nobody is mailed: see `corrections send`.

    Examples:

      notifier corrections withdraw --study NCT01234567 --reason "It was listed by mistake." --dry-run
      notifier corrections withdraw --condition Gout --reason "We mixed up two conditions." --note "as agreed"
    """
    if bool(study) == bool(condition):
        raise typer.BadParameter("Give one of --study and --condition.")
    why, reason = _why(note, dry_run), checked_reason(reason)
    with open_session() as session:
        target_id = _target(session, study, condition)
        with session.engine.connect() as conn:
            found = count_followers(conn, target_id)
            for nct_id in also_followed_as(conn, target_id):
                stderr.print(f"People follow the same study as {nct_id} too: withdraw that as well.")
        if why:
            confirm(f"{follower_words(found)} End it for all of them?", yes)
            found = _withdraw(session, target_id, reason, why)
    _report(found, follower_words(found), why and "It has ended for all of them.", dry_run, json)


@app.command("list")
def list_corrections(limit: Annotated[int, typer.Option(min=1, max=10_000)] = 20, json: Json = False) -> None:
    """The corrections that were sent, the newest first, and how far they have come.

    Examples:

      notifier corrections list
    """
    with open_session(only_looks=True) as session, session.engine.connect() as conn:
        rows = newest_corrections(conn, limit)
        states = states_of_runs(conn, [row.run_id for row in rows if row.run_id])
    if json:
        return print_json([{**row._mapping, "states": states.get(row.run_id, {})} for row in rows])
    table = [
        [
            row.run,
            row.about,
            row.created_at.isoformat(timespec="seconds"),
            ", ".join(f"{people:,} {state}" for state, people in states.get(row.run_id, {}).items()),
        ]
        for row in rows
    ]
    return print_table("Corrections", ["run", "to the readers of", "sent", "deliveries"], table)


def _why(note: str | None, dry_run: bool) -> str | None:
    """None for a dry run."""
    if dry_run:
        return None
    if not note:
        raise typer.BadParameter("It must say why; operators read it later.", param_hint="--note")
    return note


def _read(file: Path) -> str:
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise NotifierError(f"{file} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise NotifierError(f"{file} is not UTF-8.", "Save it as plain text in UTF-8.") from None


def _readers(
    session: Session,
    edition: list[int] | None,
    event: int | None,
    run: str | None,
    study: str | None,
    condition: str | None,
) -> Readers:
    with session.engine.connect() as conn:
        if edition:
            return of_editions(conn, edition)
        if event is not None:
            return of_event(conn, event)
        if run is not None:
            return of_run(conn, run)
    target_id = _target(session, study, condition)
    with session.engine.connect() as conn:
        return of_withdrawal(conn, target_id)


def _target(session: Session, study: str | None, condition: str | None) -> int:
    with session.engine.connect() as conn:
        return study_target_id(conn, study) if study else condition_target_id(conn, condition or "")


def _show(session: Session, readers: Readers, words: str) -> None:
    content = CorrectionContent(readers.kind, "en", checked_text(words, session.settings))
    mail = render_correction(content, session.settings)
    sys.stdout.write(f"Subject: {mail.subject}\n\n{mail.text}")
    sys.stdout.flush()


def _wake(session: Session) -> None:
    for _ in range(session.settings.send_tasks):
        if not wake("tasks.send"):
            return


def _plan(
    session: Session, readers: Readers, words: str, with_doubt: bool, note: str | None
) -> PlannedCorrection:
    """Without a note nothing is written."""
    return plan_correction(
        session.engine,
        readers,
        words,
        with_doubt=with_doubt,
        actor=COMMAND_LINE,
        note=note or "",
        now=session.clock(),
        settings=session.settings,
        dry=note is None,
    )


def _withdraw(session: Session, target_id: int, reason: str, note: str) -> Withdrawn:
    with batch_progress("People") as progress:
        return withdraw_target(
            session.engine,
            target_id,
            reason,
            actor=COMMAND_LINE,
            note=note,
            clock=session.clock,
            progress=progress,
        )


def _report(
    found: Resent | PlannedCorrection | Withdrawn,
    words: str,
    done: str | int | None,
    dry_run: bool,
    json: bool,
) -> None:
    if json:
        print_json({**found.__dict__, "dry_run": dry_run})
    else:
        stderr.print(f"{words} {done or 'Nothing was changed.'}", markup=False)
