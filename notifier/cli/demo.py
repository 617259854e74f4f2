"""`notifier demo`: made-up studies change, and the people who follow them get a mail in a local outbox."""

import secrets
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

from sqlalchemy import text

from notifier.cli.demo_home import demo_home, live_in
from notifier.cli.demo_services import Services, running
from notifier.cli.demo_story import SHOWN, Story, say, shown


def show_demo(*, once: bool, home: Path | None) -> None:
    """Tell the story. With `once`, check it to its end and stop; otherwise stay up until Ctrl-C.

    Raises NotifierError as soon as something is not as it should be.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)  # SIGINT too: a shell script's background jobs ignore it
    here = Path.cwd()
    with demo_home(home) as folder:
        say(f"All of this is made up. It lives in {shown(folder, here)}, apart from all else.")
        say("", "1  PostgreSQL, Redis, the web process, two workers and the scheduler start.")
        api_key = secrets.token_hex(32)
        with running(live_in(folder, api_key)) as services:
            story = Story(services, api_key, here)
            story.tell()
            if once:
                story.tell_the_rest()
            else:
                _stay(services, here)
        say("", "All of it is stopped.")


def _end(*_: FrameType | int | None) -> None:
    raise KeyboardInterrupt


def _stay(services: Services, here: Path) -> None:
    """Until Ctrl-C. Says so when somebody unsubscribes."""
    notifier = f"NOTIFIER_HOME={shown(services.home, here)} {shown(_program(), here)}"
    say(
        "Next, sign up with an address that you make up: the mail to confirm it comes into the folder of all mails.",
        "Or open the unsubscribe link and press its button. Or, in another terminal:",
        f"   {notifier} status",
        f"   {notifier} subscribers show {SHOWN}",
        "",
        "All of it stays up until Ctrl-C.",
    )
    told: set[str] = set()
    with suppress(KeyboardInterrupt):
        while True:
            services.raise_failure()
            stopped = _stopped(services)
            say(*(f"{person} has unsubscribed and gets no more mail." for person in sorted(stopped - told)))
            told = stopped
            time.sleep(0.5)


def _stopped(services: Services) -> set[str]:
    with services.engine.connect() as conn:
        return set(conn.execute(text("SELECT email FROM subscribers WHERE state = 'stopped'")).scalars())


def _program() -> Path:
    return Path(sys.executable).with_name("notifier")
