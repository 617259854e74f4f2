"""The commands, and what happens when one of them cannot go on."""

import signal
import sys

import typer
from sqlalchemy.exc import SQLAlchemyError

from notifier.cli import (
    conditions,
    deliveries,
    digest,
    mail,
    records,
    sending,
    services,
    subscribers,
    suppressions,
)
from notifier.cli.output import stderr
from notifier.cli.trace import trace
from notifier.errors import NotifierError

app = typer.Typer(
    name="notifier",
    help="Clinical-trial updates by e-mail: one calm, private digest per person.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(records.app, name="records")
app.add_typer(conditions.app, name="conditions")
app.add_typer(subscribers.app, name="subscribers")
app.add_typer(digest.app, name="digest")
app.add_typer(mail.app, name="mail")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(sending.app, name="sending")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(services.db_app, name="db")
for command in (services.up, services.demo, services.web, deliveries.status, trace):
    app.command()(command)


def main() -> None:
    """Exit 0 when done, 1 when it failed, 2 on wrong use."""
    # `kill` and `timeout` must not leave the embedded servers running: the exit handlers stop them.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    try:
        app()
    except NotifierError as error:
        stderr.print(f"[bold]Stopped:[/] {error.message}", markup=True, highlight=False)
        if error.remedy:
            stderr.print(error.remedy, markup=False, highlight=False)
        sys.exit(1)
    except SQLAlchemyError as error:
        # Its text may quote a row: only what kind of error it was may be shown.
        stderr.print(f"Stopped: the database could not be used ({type(error).__name__}).", markup=False)
        stderr.print(
            "Check that it is running, then repeat the command: nothing is done twice.", markup=False
        )
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
