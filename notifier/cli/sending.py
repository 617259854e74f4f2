"""The brake: stop all mail, or that of one run, and let it go on. Nothing is lost meanwhile."""

from typing import Annotated

import typer

from notifier.cli.output import stderr
from notifier.cli.session import open_session
from notifier.ops import actions
from notifier.ops.actions import COMMAND_LINE
from tasks.wake import wake

app = typer.Typer(help="Sending: pause and resume.", no_args_is_help=True)

RunKey = Annotated[str | None, typer.Option("--run", help="Only this run, by its key. [default: everything]")]


@app.command()
def pause(
    note: Annotated[str, typer.Option(help="Why; operators read it.")] = "by an operator", run: RunKey = None
) -> None:
    """Claim no more mail. Calls that are under way end as they would. Nothing is lost.

    Examples:

      notifier sending pause --note "wrong footer"
      notifier sending pause --run daily/2026-11-22/UTC/08 --note "wrong study"
    """
    with open_session() as session, session.engine.begin() as conn:
        if run is None:
            actions.pause_sending(conn, actor=COMMAND_LINE, note=note, now=session.clock())
        else:
            actions.pause_run(conn, run, actor=COMMAND_LINE, note=note, now=session.clock())
    stderr.print("Paused.")


@app.command()
def resume(note: Annotated[str, typer.Option(help="Why.")] = "by an operator", run: RunKey = None) -> None:
    """Go on. This also closes the breaker, so that the next batch is tried at once.

    Examples:

      notifier sending resume --note "the key is mended"
    """
    with open_session() as session:
        with session.engine.begin() as conn:
            if run is None:
                actions.resume_sending(conn, actor=COMMAND_LINE, note=note, now=session.clock())
            else:
                actions.resume_run(conn, run, actor=COMMAND_LINE, note=note, now=session.clock())
        wake("tasks.send_letters")
        wake("tasks.send")
    stderr.print("Sending goes on.")
