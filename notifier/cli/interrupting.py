"""Ctrl-C in the middle of sending: the calls under way end first, so that none of them is in doubt."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def ends_in_good_order() -> Iterator[Callable[[], bool]]:
    """Inside, a first Ctrl-C or SIGTERM is only noted, for the function that is yielded to tell. It takes effect at
    the end; a second one at once. For the main thread alone."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)
        if len(received) > 1:
            give_back()
            os.kill(os.getpid(), number)

    before = {number: signal.signal(number, note) for number in SIGNALS}

    def give_back() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield lambda: bool(received)
    finally:
        give_back()
    if received:
        os.kill(os.getpid(), received[0])
