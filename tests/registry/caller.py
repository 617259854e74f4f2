"""Whoever asks the registry, in tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

from notifier.registry.api import RegistryApi
from notifier.registry.poll import PollResult, poll
from tests.fakes.registry import Registry
from tests.registry.samples import NOW, study

ONE, TWO, THREE = (study(nctId=f"NCT0000000{number}") for number in (1, 2, 3))


@dataclass
class Caller:
    registry: Registry
    engine: Engine
    followed: list[str] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)
    now: datetime = NOW

    def __call__(self, **options: Any) -> PollResult:
        api = RegistryApi(self.registry.url, attempts=5, pause=self.pauses.append)
        return poll(self.engine, api, self.followed_after, clock=lambda: self.now, **options)

    def followed_after(self, _: object, nct_id: str, most: int) -> Sequence[str]:
        return [one for one in sorted(self.followed) if one > nct_id][:most]

    def next_data(self, timestamp: str = "2026-11-23T09:00:05") -> None:
        self.registry.data_timestamp = timestamp
        self.now = datetime.fromisoformat(f"{timestamp}Z")
        self.registry.asked.clear()


def stored(engine: Engine) -> list[str]:
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT nct_id FROM studies ORDER BY nct_id")).scalars())


def asked_from(registry: Registry) -> str:
    return str(registry.pages[0]["filter.advanced"])
