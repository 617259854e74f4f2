"""The commands, and what happens when one of them cannot go on."""

import signal
import sys

import typer

from notifier.cli.lazy import Entries, LazyGroup
from notifier.errors import NotifierError

COMMANDS: Entries = {
    "status": ("notifier.cli.status:status", "Whether people get their mail."),
    "doctor": ("notifier.cli.doctor:doctor", "What is set up wrongly, why it matters, and what to do."),
    "up": ("notifier.cli.services:up", "Run everything in this terminal. Ctrl-C stops all of it."),
    "demo": ("notifier.cli.services:demo", "See it work, with made-up studies and people."),
    "web": ("notifier.cli.services:web", "Serve the pages, the API and the webhook on PORT."),
    "db": ("notifier.cli.services:db_app", "The database."),
    "records": ("notifier.cli.records:app", "Trial records: import, compare, ask the registry."),
    "conditions": (
        "notifier.cli.conditions:app",
        "Conditions: what a phrase means here, and a vocabulary for it.",
    ),
    "subscribers": ("notifier.cli.subscribers:app", "Subscribers: import, show, export, erase."),
    "digest": ("notifier.cli.digest:app", "Digests: run, preview."),
    "mail": ("notifier.cli.mail:app", "Mails, made up: list, preview."),
    "deliveries": ("notifier.cli.deliveries:app", "Deliveries: one mail to one person each."),
    "sending": ("notifier.cli.sending:app", "Sending: pause and resume."),
    "corrections": (
        "notifier.cli.corrections:app",
        "Corrections after an accident: send again, correct, withdraw.",
    ),
    "suppressions": ("notifier.cli.suppressions:app", "Suppressions: addresses that must not be mailed."),
    "trace": ("notifier.cli.trace:trace", "Why this did or did not go out: by study or by person."),
}


class Commands(LazyGroup):
    entries = COMMANDS


app = typer.Typer(
    name="notifier", cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)


@app.callback()
def notifier() -> None:
    """Clinical-trial updates by e-mail: one calm, private digest per person."""


def main() -> None:
    """Exit 0 when done, 1 when it failed, 2 on wrong use."""
    # `kill` and `timeout` must not leave the embedded servers running: the exit handlers stop them.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        app()
    except NotifierError as error:
        _stopped(error.message, error.remedy)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if not _is_of_database(error):
            raise
        # Its text may quote a row: only what kind of error it was may be shown.
        _stopped(
            f"the database could not be used ({type(error).__name__}).",
            "Check that it is running, then repeat the command: nothing is done twice.",
        )


def _stopped(message: str, remedy: str) -> None:
    from notifier.cli.output import stderr  # here, as most commands end well

    stderr.print("[bold]Stopped:[/]", end=" ", markup=True)
    stderr.print(message, markup=False)
    if remedy:
        stderr.print(remedy, markup=False)
    sys.exit(1)


def _is_of_database(error: Exception) -> bool:
    """Without loading SQLAlchemy, which no error can come from unless it is there already."""
    loaded = sys.modules.get("sqlalchemy.exc")
    return loaded is not None and isinstance(error, loaded.SQLAlchemyError)
