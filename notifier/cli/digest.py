"""Digest runs: plan them, wait for them, look at one before it goes."""

import time
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any

import typer

from notifier.cli.mail import Out, Part, as_json, show_json, show_mail
from notifier.cli.output import (
    LOOKED,
    Json,
    LookNote,
    batch_progress,
    print_json,
    print_table,
    stderr,
    stdout,
)
from notifier.cli.session import Session, open_session
from notifier.cli.subscribers import address_key_of, note_look
from notifier.db.copies import AWAY, is_away
from notifier.delivery.planning import PlannedRun, plan_all
from notifier.delivery.progress import brakes_on, open_batches, states_of_runs
from notifier.delivery.providers import REPEATABLE
from notifier.delivery.sweeping import expire_leases
from notifier.digests.content import NothingToSay, RenderedMail
from notifier.digests.preview import Preview, preview
from notifier.digests.rendering import render
from notifier.digests.runs import schedules_of
from notifier.errors import NotifierError
from notifier.links.items import ItemTokens
from tasks.wake import wake

app = typer.Typer(help="Digests: run, preview.", no_args_is_help=True)
SEND_STRETCH = timedelta(seconds=5)  # the bar moves after each


class Frequency(StrEnum):
    immediate = "immediate"
    daily = "daily"
    weekly = "weekly"


@app.command()
def run(
    frequency: Annotated[Frequency, typer.Option(help="Which digests.")],
    at: Annotated[
        str | None, typer.Option(help="As if it were this moment, such as 2026-11-22T08:00Z. [default: now]")
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="Help to send, until every delivery of the run has ended.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go out, and write nothing.")
    ] = False,
    json: Json = False,
) -> None:
    """Plan the digest run that was due last, for every zone, and have it sent.

    A run that has been planned is not planned again. Workers send it; with --wait this command helps them.

    Examples:

      notifier digest run --frequency weekly --dry-run
      notifier digest run --frequency daily --wait
      notifier digest run --frequency daily --at 2026-11-22T08:00Z --json
    """
    asked = _moment(at) if at is not None else None
    with open_session() as session:
        _see_that_runs_are_planned(session)
        plans = _planned(session, frequency.value, asked, dry_run)
        run_ids = [plan.run_id for plan in plans if plan.run_id]
        if wait:
            _send_and_wait(session, run_ids)
        elif run_ids:
            wake("tasks.send")
        ended = _report(session, frequency.value, plans, json)
    if wait and not ended:
        raise NotifierError("Not every delivery has ended well.", "Look at `notifier status`.")


def _planned(session: Session, frequency: str, asked: datetime | None, dry: bool) -> list[PlannedRun]:
    now, settings = session.clock(), session.settings
    if asked and asked > now and not dry:
        stderr.print("--at lies in the future: these digests stay silent until then.", markup=False)
    with session.engine.connect() as conn:
        schedules = schedules_of(conn, frequency)
    return plan_all(session.engine, schedules, at=asked or now, now=now, settings=settings, dry=dry)


@app.command("preview")
def show_preview(
    email: str, part: Part = None, out: Out = None, note: LookNote = LOOKED, json: Json = False
) -> None:
    """What a person would read if their digest went out now. Nothing is sent; that you looked is written down.

    The reader's own links are left out: where they go it says NOTIFIER-LINK-...

    Examples:

      notifier digest preview ana@example.org
      notifier digest preview ana@example.org --part html --out mail.html
    """
    with open_session(only_looks=True) as session:
        key = address_key_of(session, email)
        try:
            found = preview(session.engine, key, at=session.clock())
        except LookupError:
            raise NotifierError(
                "Nobody with this address has confirmed.",
                "See `notifier subscribers show EMAIL` for a sign-up that waits.",
            ) from None
        with session.engine.begin() as conn:
            note_look(conn, "person_previewed", key, note, session.clock())
        mail = _rendered(found, session)
    why_not = _why_not(found, mail)
    if json:
        told = as_json(mail, part) if mail else None
        return show_json({"goes_out": not why_not, "note": why_not, "mail": told}, out)
    if why_not:
        stderr.print(why_not, markup=False)
    return show_mail(mail, part, out) if mail else None


def _rendered(found: Preview, session: Session) -> RenderedMail | None:
    if found.content is None:
        return None
    try:
        return render(found.content, session.settings, ItemTokens(session.keys).token)
    except NothingToSay:
        return None


def _why_not(found: Preview, mail: RenderedMail | None) -> str | None:
    """Why no mail would go out now; None if one would."""
    if found.has_stopped:
        return "This person has stopped all mail; none would go out."
    if found.suppression:
        return f"This address is on the do-not-mail list ({found.suppression}); no mail would go out."
    if mail is None:
        return "There is nothing new for this person; no mail would go out."
    if found.rests_until:
        return f"No mail goes out to this person before {found.rests_until:%Y-%m-%d %H:%M} UTC. So far it would say:"
    return None


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or not value.isascii():  # between date and time, the parser takes any sign
        raise typer.BadParameter(
            f"{value!a} is not a moment; it looks like 2026-11-22T08:00Z", param_hint="--at"
        )
    if not 2000 <= moment.year <= 2100:
        raise typer.BadParameter(
            f"{value!a} is not in the years 2000 to 2100; it looks like 2026-11-22T08:00Z", param_hint="--at"
        )
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _see_that_runs_are_planned(session: Session) -> None:
    with session.engine.connect() as conn:
        away = is_away(conn)
    if away:
        raise NotifierError(f"No digest is planned: {AWAY}.", "See docs/runbooks/DatabaseAway.md.")


def _send_and_wait(session: Session, run_ids: list[int]) -> None:
    with session.sender() as sender, batch_progress("Sending") as progress:
        all_batches = open_batches(session.engine, run_ids)
        while (left := open_batches(session.engine, run_ids)) and not sender.stop():
            progress(all_batches - left, all_batches)
            for run_id in run_ids:
                sender.send_due(until=session.clock() + SEND_STRETCH, run_id=run_id)
            _stop_if_braked(session, run_ids)
            expire_leases(
                session.engine,
                now=session.clock(),
                repeatable=REPEATABLE,
                max_attempts=session.settings.max_attempts,
            )
            if open_batches(session.engine, run_ids):
                time.sleep(0.2)  # others hold the rest, or it waits for its next attempt


def _stop_if_braked(session: Session, run_ids: list[int]) -> None:
    """What waits for a human is not waited for here."""
    with session.engine.connect() as conn:
        brakes = brakes_on(conn, session.clock())
    for name in ("paused", "unwelcome", "breaker"):
        if name in brakes and open_batches(session.engine, run_ids):
            raise NotifierError(
                f"Sending is stopped ({name}): {brakes[name]}", "Nothing is lost; it goes on from here."
            )


def _report(session: Session, frequency: str, plans: list[PlannedRun], json: bool) -> bool:
    """True if nothing of these runs is open, unknown or failed."""
    with session.engine.connect() as conn:
        states = states_of_runs(conn, [plan.run_id for plan in plans if plan.run_id])
    rows = [_row(plan, states.get(plan.run_id or 0, {})) for plan in plans]
    totals: dict[str, int] = {}
    for row in rows:
        for state, people in row["states"].items():
            totals[state] = totals.get(state, 0) + people
    if json:
        people = sum(plan.people for plan in plans)
        editions = sum(plan.editions for plan in plans)
        print_json(
            {"frequency": frequency, "people": people, "editions": editions, "states": totals, "runs": rows}
        )
    else:
        _print_rows(rows)
    return not {"planned", "sending", "retrying", "unknown", "failed"} & totals.keys()


def _row(plan: PlannedRun, states: dict[str, int]) -> dict[str, Any]:
    return {**plan.__dict__, "states": states}


def _print_rows(rows: list[dict[str, Any]]) -> None:
    rows = [row for row in rows if row["people"]]
    if not rows:
        return stdout.print("Nobody has anything to read; no mail goes out.")
    if not any(row["run_id"] for row in rows):
        stdout.print(_would_go(sum(row["people"] for row in rows), sum(row["editions"] for row in rows)))
    table = [
        [
            row["key"],
            f"{row['people']:,}",
            row["editions"],
            row["batches"],
            ", ".join(f"{n:,} {s}" for s, n in row["states"].items()),
        ]
        for row in rows
    ]
    print_table("Runs", ["run", "people", "editions", "batches", "deliveries"], table)
    stderr.print("")
    return None


def _would_go(people: int, editions: int) -> str:
    in_words = f"{editions:,} edition{'s' if editions != 1 else ''}"
    return f"This would go to {people:,} {'people' if people != 1 else 'person'} in {in_words}. Nothing was written."
