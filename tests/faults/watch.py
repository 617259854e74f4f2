"""How long what a killed process held in its hands stays there."""

import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from tests.faults import steps
from tests.faults.house import House

LOOK_EVERY_SECONDS = 0.2
_HELD = "SELECT id, attempted_at, state FROM batches WHERE state IN ('sending', 'unknown')"


@dataclass
class Death:
    step: str
    at: float
    held: set[
        tuple[int, datetime]
    ]  # (batch, when claimed) under way when it was seen; an attempt may be given back
    noticed: float | None = None  # seconds until none was `sending` any more
    settled: float | None = None  # seconds until none was in doubt any more
    doubted: int = 0  # the most that were in doubt at once


@dataclass
class Watch:
    house: House
    engine: Engine
    deaths: list[Death] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Watch":
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(LOOK_EVERY_SECONDS):
            try:
                self._look()
            except DBAPIError:
                continue

    def _look(self) -> None:
        with self.engine.connect() as conn:
            rows = conn.execute(text(_HELD)).all()
        sending = {(row.id, row.attempted_at) for row in rows if row.state == "sending"}
        doubted = {(row.id, row.attempted_at) for row in rows if row.state == "unknown"}
        known = {(death.step, death.at) for death in self.deaths}
        new = [found for found in steps.deaths(self.house.plans) if found not in known]
        self.deaths += [Death(step, at, sending) for step, at in new]
        now = time.time()
        for death in self.deaths:
            death.doubted = max(death.doubted, len(death.held & doubted))
            if death.noticed is None and not death.held & sending:
                death.noticed = now - death.at
            if death.settled is None and not death.held & (sending | doubted):
                death.settled = now - death.at
