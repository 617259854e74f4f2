"""What Celery writes about errors: their class and where they arose, never their words.

An error's words may quote an address, a study or a row of the database, and so may a traceback.
"""

import copy
import logging
import warnings
from collections.abc import Mapping
from typing import Any

THEIRS = ("celery", "kombu", "billiard", "redis")  # about queues and processes, which is all they know of
OURS = ("notifier", "tasks")
TELLING = ("exc", "traceback", "args", "kwargs")  # of a task that failed, already as text


class DiscreetFormatter(logging.Formatter):
    """As `inner` has it, but for the words of errors."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        shown = copy.copy(record)
        shown.args = _discreet(record.args)
        shown.exc_info = shown.exc_text = shown.stack_info = None
        line = self._inner.format(shown)
        if record.exc_info and record.exc_info[0]:
            line += f" [{record.exc_info[0].__name__} at {_place(record.exc_info[2])}]"
        return line


def _discreet(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: "…" if name in TELLING else _word(value) for name, value in values.items()}
    return tuple(map(_word, values)) if isinstance(values, tuple) else values


def _word(value: object) -> object:
    if isinstance(value, BaseException) and type(value).__module__.partition(".")[0] not in THEIRS:
        return type(value).__name__
    return value


def _place(traceback: Any) -> str:
    """The innermost line of ours, or of all."""
    places = []
    while traceback is not None:
        places.append((str(traceback.tb_frame.f_globals.get("__name__")), traceback.tb_lineno))
        traceback = traceback.tb_next
    ours = [place for place in places if place[0].partition(".")[0] in OURS]
    return "{}:{}".format(*(ours or places or [("nowhere", 0)])[-1])


def be_discreet(logger: logging.Logger, **_: Any) -> None:
    for handler in logger.handlers:
        handler.setFormatter(DiscreetFormatter(handler.formatter or logging.Formatter()))
    # It comes with a whole traceback; that the task has failed is logged all the same.
    warnings.filterwarnings("ignore", message="Exception raised outside body", category=RuntimeWarning)
