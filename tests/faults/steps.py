"""The named steps of a send at which a process can be made to die.

A kill is armed by a file named like the step in the folder FAULTS_FOLDER. The first process that reaches the step
takes the file away, leaves a note of when it died, and kills itself with SIGKILL: alone, or with its whole group.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

BEFORE_CLAIM = "before-claim"
CLAIMED = "claimed"
COMMITTED = "committed"
BEGUN = "begun"
HALF_WRITTEN = "half-written"
WRITTEN = "written"
ACCEPTED = "accepted"
ANSWERED = "answered"
RECORDING = "recording"
RECORDED = "recorded"
PLANNING = "planning"
PLANNED = "planned"
APPLYING = "applying"
SWEPT = "swept"
SIGNED_UP = "signed-up"
LINK_ASKED = "link-asked"
LINK_POSTED = "link-posted"

STEPS = {
    BEFORE_CLAIM: "before the claim",
    CLAIMED: "after the claim, before its commit",
    COMMITTED: "after the commit, no call begun",
    BEGUN: "a call begun, nothing written",
    HALF_WRITTEN: "during the call: half of it written",
    WRITTEN: "during the call: all of it written",
    ACCEPTED: "after acceptance, the answer not read",
    ANSWERED: "before the result is recorded",
    RECORDING: "the result written, not committed",
    RECORDED: "after the result was recorded",
    PLANNING: "a run planned, not committed",
    PLANNED: "a run planned, nobody woken",
    APPLYING: "feedback applied, not committed",
    SWEPT: "leases swept, doubt not settled",
    SIGNED_UP: "a sign-up stored, not answered",
    LINK_ASKED: "a link asked for, not answered",
    LINK_POSTED: "a link's letter written, not committed",
}
"""In the order of a send, then what surrounds it."""

OF_PAGES = {SIGNED_UP, LINK_ASKED}
"""Once in a seed: nothing comes in until the web process is back."""

ALONE, GROUP = "alone", "group"


def arm(folder: Path, step: str, whom: str) -> None:
    (folder / step).write_text(whom)


def armed(step: str) -> bool:
    return (_folder() / step).exists()


def reached(step: str) -> None:
    """Die here if that was asked for."""
    taken = _folder() / f"taken-{uuid4()}"
    try:
        (_folder() / step).rename(taken)
    except FileNotFoundError:
        return
    whom = taken.read_text()
    draft = taken.with_suffix(".note")
    draft.write_text(f"{time.time()} {os.getpid()} {whom}")
    draft.rename(_folder() / f"died-{step}-{uuid4()}")
    if whom == GROUP:
        os.killpg(os.getpgrp(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def deaths(folder: Path) -> Iterator[tuple[str, float]]:
    """(step, Unix seconds) of each death so far."""
    for note in folder.glob("died-*"):
        step = note.name.removeprefix("died-")[:-37]
        yield step, float(note.read_text().split()[0])


def _folder() -> Path:
    return Path(os.environ["FAULTS_FOLDER"])
