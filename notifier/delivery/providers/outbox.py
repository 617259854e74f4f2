"""Mail as files: one .eml per delivery, for a newcomer, a demonstration and tests."""

import os
import threading
import time
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from notifier.delivery.providers.mime import SharedMail
from notifier.delivery.providers.people import batch_problem, sendable
from notifier.delivery.providers.sender import Sender
from notifier.delivery.providers.types import Outcome, OutgoingBatch

LEFTOVER_AGE = timedelta(hours=1)


class OutboxProvider:
    """A file has the delivery's id as its name, so the same mail twice is one file.

    A file appears whole or not at all, whenever the process is killed. It is not forced to disk: a power cut
    may cost the last seconds, which no demonstration minds and which would cost five times the time.
    """

    name = "outbox"
    repeatable = True
    most_recipients = 1000

    def __init__(self, folder: Path, sender: Sender) -> None:
        self._folder = folder
        self._sender = sender
        _remove_leftovers(folder)

    def send(self, batch: OutgoingBatch, now: datetime) -> Outcome:
        if reason := batch_problem(batch):
            return Outcome("refused", reason=reason)
        people, refused = sendable(batch)
        mail = SharedMail(batch, self._sender, now)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for person in people:
                self._write(str(person.delivery_id), mail.for_person(person))
        except OSError as error:
            return Outcome("fault", reason=f"outbox folder: {error.strerror}", refused=refused)
        return Outcome("accepted" if people else "refused", refused=refused)

    def _write(self, name: str, mail: bytes) -> None:
        """Readable by this user alone: a mail tells what a person follows."""
        draft = self._folder / f".{name}.{os.getpid()}.{threading.get_ident()}.draft"
        with open(os.open(draft, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
            file.write(mail)
        draft.replace(self._folder / f"{name}.eml")

    def close(self) -> None:
        """Nothing is kept open."""


def _remove_leftovers(folder: Path) -> None:
    """Delete the drafts of processes that were killed; a young one may still be in use."""
    for draft in folder.glob(".*.draft"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > LEFTOVER_AGE.total_seconds():
                draft.unlink()
