"""The long-running commands: database, web, all of it together, and the demo."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from notifier.cli.output import stderr, stdout
from notifier.cli.restored import restored
from notifier.cli.session import open_session
from notifier.cli.supervisor import run_all
from tasks.wake import wake

WAKES = {"feedback": "tasks.apply_feedback", "letter": "tasks.send_letters", "send": "tasks.send"}
"""What the web process asks of the workers; all else is new in the registry."""

db_app = typer.Typer(help="The database.", no_args_is_help=True)


@db_app.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the version that this program expects. Safe to repeat.

    Examples:

      notifier db upgrade
    """
    with open_session(migrate=True):
        stderr.print("The database is up to date.")


db_app.command("restored")(restored)


def web() -> None:
    """Serve the pages, the API and the webhook on PORT.

    Examples:

      notifier web
    """
    from notifier.web.serve import serve  # here, so that no other command pays for loading it

    with open_session(log_level=logging.INFO) as session:
        serve(session.settings, wake=_wake_workers)


def up(workers: Annotated[int, typer.Option(min=1, max=32, help="Worker processes.")] = 2) -> None:
    """Run everything in this terminal: web, workers, scheduler, embedded services. Ctrl-C stops all of it.

    Examples:

      notifier up
      notifier up --workers 4
    """
    with open_session() as session:
        stdout.print(f"Notifier is starting on {session.settings.public_url}. Ctrl-C stops it.")
        run_all(session.settings, web=True, workers=workers)


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Do it, check it, stop, and exit 0 only if all went well.")
    ] = False,
    home: Annotated[
        Path | None, typer.Option(help="Where the demo lives. [default: NOTIFIER_HOME/demo]")
    ] = None,
) -> None:
    """See it work: made-up studies change, and the people who follow them get a digest in a local outbox.

    Examples:

      notifier demo
      notifier demo --once
    """
    from notifier.cli.demo import show_demo  # here, so that no other command pays for loading it

    show_demo(once=once, home=home)


def _wake_workers(reason: str) -> None:
    wake(WAKES.get(reason, "tasks.tick"))
