"""`notifier status`: do people get their mail?"""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import typer

from notifier.cli.output import Json, ago, print_json, print_table, span, stdout
from notifier.cli.session import open_session
from notifier.cli.whereabouts import whereabouts
from notifier.delivery.erasing import waiting_erasures
from notifier.delivery.providers import REPORTING
from notifier.delivery.watching import enough_bounces, enough_complaints
from notifier.ops.heartbeat import QUEUES
from notifier.ops.mail import due_mails, mails_ended
from notifier.ops.numbers import Numbers, take_numbers
from notifier.ops.runs import RunProgress, running
from notifier.ops.verdict import Verdict, verdict
from notifier.settings import Settings, load_settings

OPEN = ("planned", "sending", "retrying", "unknown")
MOST_RUNS = 10


def status(json: Json = False) -> None:
    """Whether people get their mail: one sentence, then the numbers behind it. Exit 1 unless all is well.

    Each trouble has the name of its page in docs/runbooks. What is accepted or failed is of the last day.

    Examples:

      notifier status
      notifier status --json | jq .troubles
      notifier status > /dev/null || echo "somebody should look"
    """
    with open_session(only_looks=True) as session:
        now = session.clock()
        numbers = take_numbers(session.engine, now=now)
        with session.engine.connect() as conn:
            runs = running(conn, now, MOST_RUNS)
            erasures = waiting_erasures(conn)
    found = verdict(numbers)
    if json:
        print_json({**_report(numbers, found, runs, erasures), "looked_at": whereabouts(load_settings())})
    else:
        _show(numbers, found, runs, erasures, session.settings)
    if not found.is_well:
        raise typer.Exit(1)


def states(numbers: Numbers) -> dict[str, int]:
    """{state: people}, without those of which there are none."""
    found = {state: sum(row.mails for row in numbers.open if row.state == state) for state in OPEN}
    found |= {state: mails_ended(numbers.ended, state, "1d") for state in ("accepted", "failed")}
    return {state: people for state, people in found.items() if people}


def _oldest_due(numbers: Numbers) -> datetime | None:
    return min((row.due_since for row in numbers.open if row.due and not row.held), default=None)


def _report(
    numbers: Numbers, found: Verdict, runs: list[RunProgress], erasures: dict[str, Any]
) -> dict[str, Any]:
    return {
        "ok": found.is_well,
        "verdict": found.words,
        "troubles": [asdict(trouble) for trouble in found.troubles],
        "deliveries": states(numbers),
        "due": due_mails(numbers.open),
        "oldest_due": _oldest_due(numbers),
        "brakes": numbers.brakes,
        "runs": [{"key": run.key, "people": run.people, "waiting": run.waiting} for run in runs],
        "next_runs": {rhythm.frequency: rhythm.next_due_at for rhythm in numbers.rhythms},
        "ratios": {
            one.window: {"bounces": one.bounce_ratio, "complaints": one.complaint_ratio}
            for one in numbers.reported
        },
        "worker_seen_at": max(numbers.beats.values(), default=None),
        "queues_seen_at": numbers.beats,
        "registry_read_at": numbers.polled_at,
        "registry_asked_at": numbers.poll_asked_at,
        "webhook_heard_at": numbers.webhook.last_event_at,
        "erasures_at_provider": erasures,
        "opens_and_clicks": numbers.tracked,
    }


def _show(
    numbers: Numbers, found: Verdict, runs: list[RunProgress], erasures: dict[str, Any], settings: Settings
) -> None:
    stdout.print(found.words, markup=False)
    for trouble in found.troubles:
        stdout.print(f"  {trouble.words} See docs/runbooks/{trouble.alert}.md.", markup=False)
    for name, reason in numbers.brakes.items():
        stdout.print(f"  Brake: {name} ({reason}).", markup=False)
    stdout.print(f"  Looked at: {whereabouts(load_settings())}.", markup=False)
    stdout.print("")
    print_table("Mail", ["state", "mails"], [[state, f"{n:,}"] for state, n in _mail_rows(numbers)])
    if runs:
        rows = [_run_row(run, numbers.at) for run in runs]
        print_table("Runs under way", ["run", "people", "done", "a second", "left"], rows)
    print_table("Alive", ["what", "last seen"], _alive_rows(numbers, settings))
    print_table("The last days", ["what", "share", "sending pauses at"], _ratio_rows(numbers, settings))
    if erasures:
        waiting, reason = erasures["waiting"], erasures["reason"]
        stdout.print(f"{waiting:,} addresses wait for the provider to forget them ({reason}).", markup=False)


def _mail_rows(numbers: Numbers) -> list[tuple[str, int]]:
    found = states(numbers)
    rows = [(state, found[state]) for state in OPEN if state in found]
    since = _oldest_due(numbers)
    due = f"due now{f', the oldest for {span(numbers.at - since)}' if since else ''}"
    ended = [(f"{state}, last 24 hours", found.get(state, 0)) for state in ("accepted", "failed")]
    return [(due, due_mails(numbers.open)), *rows, *ended]


def _run_row(run: RunProgress, now: datetime) -> list[str]:
    left = run.time_left(now)
    shown = "paused" if run.paused_at else span(left) if left is not None else "unknown"
    return [run.key, f"{run.people:,}", f"{run.share:.0%}", f"{run.rate(now):,.1f}", shown]


def _alive_rows(numbers: Numbers, settings: Settings) -> list[list[str]]:
    rows = [[f"queue {queue}", ago(numbers.beats.get(queue), numbers.at)] for queue in sorted(QUEUES)]
    if settings.mail_provider in REPORTING:
        rows.append(["webhook", ago(numbers.webhook.last_event_at, numbers.at)])
    if numbers.registry_unread_since:
        rows.append(["registry, read", ago(numbers.polled_at, numbers.at)])
    for rhythm in numbers.rhythms:
        if rhythm.frequency != "immediate" and rhythm.next_due_at:
            wait = rhythm.next_due_at - numbers.at
            shown = f"in {span(wait)}" if wait > timedelta(0) else f"{span(-wait)} late"
            rows.append([f"next {rhythm.frequency} run", shown])
    return rows


def _ratio_rows(numbers: Numbers, settings: Settings) -> list[list[str]]:
    of = {one.window: one for one in numbers.reported}
    day, week = of["1d"], of["7d"]
    shown = {
        "bounces, 1 day": (
            day.bounce_ratio,
            settings.bounce_limit,
            enough_bounces(day.bounced, day.delivered),
        ),
        "complaints, 7 days": (
            week.complaint_ratio,
            settings.complaint_limit,
            enough_complaints(week.complained, week.delivered),
        ),
    }
    return [
        [what, f"{ratio:.2%}{'' if enough or ratio < limit else ', of too few to judge by'}", f"{limit:.2%}"]
        for what, (ratio, limit, enough) in shown.items()
    ]
