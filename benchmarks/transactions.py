"""How long something took, and how long its longest transaction was open."""

import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Engine, text

LOOK_EVERY_SECONDS = 0.05
_OPEN = """
SELECT COALESCE(max(EXTRACT(epoch FROM clock_timestamp() - xact_start)), 0) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'
"""


@dataclass(frozen=True)
class Timed:
    """Seconds. `transaction`: the longest one of any process meanwhile, to the twentieth of a second."""

    seconds: list[float]
    transaction: float

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def longest(self) -> float:
        return max(self.seconds)

    def as_json(self) -> dict[str, float]:
        found = {"median": self.median, "longest": self.longest, "transaction": self.transaction}
        return {name: round(value, 3) for name, value in found.items()}


def timed(engine: Engine, *acts: Callable[[], object]) -> Timed:
    seconds = []
    with _watched(engine) as longest:
        for act in acts:
            began = time.perf_counter()
            act()
            seconds.append(time.perf_counter() - began)
    return Timed(seconds, max(longest))


@contextmanager
def _watched(engine: Engine) -> Iterator[list[float]]:
    """What each look saw."""
    ended, longest = threading.Event(), [0.0]

    def watch() -> None:
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
            while not ended.wait(LOOK_EVERY_SECONDS):
                longest.append(float(conn.execute(text(_OPEN)).scalar_one()))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield longest
    finally:
        ended.set()
        watcher.join()
