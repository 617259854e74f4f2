"""The brake: stop all mail, or that of one run, and let it go on. Nothing is lost meanwhile."""

from typing import Annotated

import typer

from notifier.cli.output import stderr
from notifier.cli.session import open_session
from notifier.delivery.progress import brakes_on
from notifier.ops import actions
from notifier.ops.actions import COMMAND_LINE, LIFTED_BY_OPERATORS
from tasks.wake import wake

app = typer.Typer(help="Sending: pause and resume.", no_args_is_help=True)

RunKey = Annotated[str | None, typer.Option("--run", help="Only this run, by its key. [default: everything]")]
Unwelcome = Annotated[
    bool,
    typer.Option("--unwelcome", help="Also let go digests that are held for complaints or bounces."),
]


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
def resume(
    note: Annotated[str, typer.Option(help="Why.")] = "by an operator",
    run: RunKey = None,
    unwelcome: Unwelcome = False,
) -> None:
    """Go on: lift an operator's pause and the breaker, so that the next batch is tried at once.

    Digests that are held for complaints or bounces stay held, unless you add --unwelcome. It says what it has lifted.

    Examples:

      notifier sending resume --note "the key is mended"
      notifier sending resume --unwelcome --note "the old import is suppressed"
    """
    with open_session() as session:
        now, lifted = session.clock(), list[str]()
        with session.engine.begin() as conn:
            on = brakes_on(conn, now)
            if run is None:
                lift = LIFTED_BY_OPERATORS if unwelcome else ("paused", "breaker")
                lifted = actions.resume_sending(conn, lift, actor=COMMAND_LINE, note=note, now=now)
            else:
                actions.resume_run(conn, run, actor=COMMAND_LINE, note=note, now=now)
        wake("tasks.send_letters")
        wake("tasks.send")
    _tell(on, lifted, run)


def _tell(on: dict[str, str], lifted: list[str], run: str | None) -> None:
    for name in lifted:
        stderr.print(f"Lifted: {name} ({on.get(name, '')}).", markup=False)
    left = {name: reason for name, reason in on.items() if name not in lifted}
    for name, reason in left.items():
        stderr.print(f"Still on: {name} ({reason}).", markup=False)
    if run is not None:
        stderr.print("The run is no longer paused.")
    elif not on:
        stderr.print("No brake was on.")
    if "unwelcome" in left and run is None:
        stderr.print("Digests stay held. Once the cause is mended, add --unwelcome; their count begins anew.")
    elif not left:
        stderr.print("Sending goes on.")
