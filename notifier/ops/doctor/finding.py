"""What a check found, and how checks are run: all at once, each on its own, none for longer than it may."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Status = Literal["pass", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """No secret, address or row of a table is ever in its words."""

    check: str
    status: Status
    what: str
    why: str = ""
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """`look` yields one finding or more. What it raises is a fault of ours, and only its class is shown."""

    name: str
    look: Callable[[], Iterable[Finding]]


def well(check: str, what: str) -> Finding:
    return Finding(check, "pass", what)


def doubtful(check: str, what: str, *, why: str = "", remedy: str = "") -> Finding:
    return Finding(check, "warn", what, why, remedy)


def wrong(check: str, what: str, *, why: str = "", remedy: str = "") -> Finding:
    return Finding(check, "fail", what, why, remedy)


def unseen(check: str, because: str) -> Finding:
    """Not looked at. Its cause has failed already, so this is no failure of its own."""
    return doubtful(check, f"Not looked at: {because}.", remedy="Mend that first, then run doctor again.")


def run_checks(checks: Sequence[Check], *, within: timedelta) -> list[Finding]:
    """In the order of `checks`. One that does not end in time has failed, and is left behind."""
    found: dict[str, list[Finding]] = {}
    threads = [threading.Thread(target=_look, args=(check, found), daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + within.total_seconds()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return list(_collected(checks, dict(found), within))


def _look(check: Check, found: dict[str, list[Finding]]) -> None:
    try:
        found[check.name] = list(check.look())
    except Exception as error:  # one check that breaks must not hide what the others see
        found[check.name] = [
            wrong(
                check.name,
                f"The check itself has failed ({type(error).__name__}).",
                why="What it looks at may be well or not.",
                remedy="This is a fault of Notifier: report it with this line.",
            )
        ]


def _collected(
    checks: Sequence[Check], found: dict[str, list[Finding]], within: timedelta
) -> Iterator[Finding]:
    for check in checks:
        if check.name in found:
            yield from found[check.name]
        else:
            yield wrong(
                check.name,
                f"No answer within {within.total_seconds():g} seconds.",
                why="What hangs here hangs for workers and pages too.",
                remedy="See whether the other side runs, and whether a firewall swallows the connection.",
            )
