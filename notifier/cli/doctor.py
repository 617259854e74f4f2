"""`notifier doctor`: what is set up wrongly, why that matters, and what to do."""

import logging
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import typer

from notifier.cli.output import Json, print_json, stdout
from notifier.cli.whereabouts import must_be_made, whereabouts
from notifier.embedded import ensure_services, release_services
from notifier.errors import NotifierError
from notifier.logs import configure_logs
from notifier.ops.doctor import place
from notifier.ops.doctor.finding import Check, Finding, run_checks, well, wrong
from notifier.settings import Settings, load_settings

START = timedelta(seconds=20)  # an embedded PostgreSQL that is made anew takes some
COLOURS = {"pass": "green", "warn": "yellow", "fail": "bold red"}


def doctor(json: Json = False) -> None:
    """Look at everything that mail depends on, and say what is wrong, why it matters and what to do.

    It sends no mail, changes nothing and shows no secret. Exit 1 when something is wrong; a warning alone is 0.

    Examples:

      notifier doctor
      notifier doctor --json | jq '.checks[] | select(.status != "pass")'
    """
    found = _findings()
    failed = any(finding.status == "fail" for finding in found)
    if json:
        print_json({"ok": not failed, "verdict": verdict(found), "checks": [asdict(one) for one in found]})
    else:
        _show(found)
    if failed:
        raise typer.Exit(1)


def verdict(found: list[Finding]) -> str:
    wrongs = [one.check for one in found if one.status == "fail"]
    doubts = [one.check for one in found if one.status == "warn"]
    well = f"{sum(one.status == 'pass' for one in found)} checks passed"
    also = f"; to be looked at: {_listed(doubts)}" if doubts else ""
    if wrongs:
        return f"Something is wrong: {_listed(wrongs)}{also}. {well}."
    return f"Nothing is wrong{also}. {well}."


def _listed(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _findings() -> list[Finding]:
    """Without settings, or the servers that come along, there is little to look at."""
    try:
        chosen = load_settings()
    except NotifierError as error:
        return [
            *_alone(),
            wrong("settings", error.message, why="Nothing starts like this.", remedy=error.remedy),
        ]
    configure_logs(chosen.log_format, logging.CRITICAL)
    try:
        return _examined(chosen)
    except NotifierError as error:
        return [
            *_alone(),
            wrong("services", error.message, why="Nothing works without them.", remedy=error.remedy),
        ]


def _alone() -> list[Finding]:
    zones = partial(place.time_zones, datetime.now(UTC).year)
    return run_checks([Check("python", place.python), Check("time-zones", zones)], within=START)


def _examined(chosen: Settings) -> list[Finding]:
    # Here, so that a mistake in the settings is told by the check above and not by what reads them when loaded.
    from notifier.db.engine import make_engine
    from notifier.ops.doctor.examining import Installation, examine
    from tasks import options, queues
    from tasks.answering import ask

    must_be_made(chosen)
    settings = ensure_services(chosen)
    assert settings.database_url
    engine = make_engine(settings.database_url, application_name="notifier-doctor")
    wired: dict[str, Any] = {**options.OPTIONS, **queues.OPTIONS}
    limits = place.Limits(
        visibility_timeout=timedelta(seconds=wired["broker_transport_options"]["visibility_timeout"]),
        task_time_limit=timedelta(seconds=wired["task_time_limit"]),
    )
    names = tuple(queue.name for queue in wired["task_queues"])
    try:
        here = Installation(settings, chosen, engine, limits, names, ask, lambda: datetime.now(UTC))
        return [well("services", f"Looked at: {whereabouts(chosen)}."), *examine(here)]
    finally:
        engine.dispose()
        if settings is not chosen:
            release_services()


def _show(found: list[Finding]) -> None:
    width = max(len(one.check) for one in found)
    for one in found:
        stdout.print(f"[{COLOURS[one.status]}]{one.status}[/]  {one.check:<{width}}  ", end="")
        stdout.print(one.what, markup=False)
        if one.status != "pass":
            for word, text in (("why", one.why), ("do", one.remedy)):
                if text:
                    stdout.print(f"      {'':<{width}}  {word + ':':<5}{text}", markup=False)
    stdout.print("")
    stdout.print(verdict(found), markup=False)
