"""The stage of the state machine: the product in one hand, the model in the other, and a look at both."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from unittest.mock import patch

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import Connection, text

from notifier.delivery import planning
from notifier.delivery.planning import plan_run
from notifier.links.keys import email_key, signing_keys
from notifier.registry.positions import assign_positions
from notifier.subscriptions.schedules import Rhythm, rhythm_of
from tests.digests.promise_checks import check_ledger, empty_tables, mails_since, studied
from tests.digests.promise_model import Model, Reader
from tests.world import World, condition, study_target

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
RHYTHMS = (
    Rhythm("immediate"),
    Rhythm("daily", BERLIN, 8),
    Rhythm("daily", NEW_YORK, 2),  # an hour that the clocks skip in March
    Rhythm("weekly", BERLIN, 2, 7),  # an hour that comes twice in October
    Rhythm("daily", "UTC", 8),
)
TOPICS = {name: condition(name) for name in ("Asthma", "Eczema", "Gout", "Migraine")}
TOPICS["NCT00000900"] = study_target("NCT00000900")
STARTS = (
    datetime(2026, 3, 7, 6, 30, tzinfo=UTC),
    datetime(2026, 3, 28, 20, tzinfo=UTC),
    datetime(2026, 10, 24, 23, 30, tzinfo=UTC),
    datetime(2026, 10, 31, 23, 59, tzinfo=UTC),
)
some = st.integers(0, 11)  # one of whatever there is
topics = st.sampled_from(list(TOPICS))
reaches = st.sampled_from([4, 4, 3])
rhythms = st.sampled_from(RHYTHMS)
news = st.dictionaries(topics, st.sampled_from([1, 3, 4]), min_size=1, max_size=3)  # {topic: evidence}

Reasons = dict[int, int]


class Stage(RuleBasedStateMachine):
    world: ClassVar[World]
    folder: ClassVar[Path]

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.uncommitted: list[tuple[Connection, int, Reasons]] = []
        self.names = 0
        self.last_batch = 0
        self.compared = True

    def open(self, now: datetime) -> None:
        empty_tables(self.world.engine)
        self.now = now
        self.ids = {name: self.world.target(ref) for name, ref in TOPICS.items()}
        studied(self.world.engine)

    def add_event(self, conn: Connection, about: dict[str, int]) -> tuple[int, Reasons]:
        refs = [replace(TOPICS[topic], evidence=evidence) for topic, evidence in about.items()]
        return self.world.add_event(conn, refs), {self.ids[topic]: e for topic, e in about.items()}

    def number(self) -> None:
        with self.world.engine.begin() as conn:
            assign_positions(conn)
        self.model.number()

    def reader(self, who: int) -> tuple[int, Reader]:
        everybody = list(self.model.readers.items())
        return everybody[who % len(everybody)]

    def key(self, name: str) -> bytes:
        return email_key(signing_keys(self.world.settings), f"{name}@example.org")

    def rhythm(self, which: int) -> Rhythm:
        used = list(self.model.clocks)
        return used[which % len(used)]

    def schedule(self, rhythm: Rhythm) -> int:
        with self.world.engine.connect() as conn:
            rows = conn.execute(text("SELECT id, frequency, zone, hour, weekday FROM schedules")).all()
        return {rhythm_of(row): int(row.id) for row in rows}[rhythm]

    def plan(self, schedule_id: int, at: datetime | None = None) -> None:
        plan_run(
            self.world.engine, schedule_id, at=at or self.now, now=self.now, settings=self.world.settings
        )

    def plan_with(
        self, rhythm: Rhythm, step: str, meanwhile: Callable[[], None], *, after: bool = False
    ) -> None:
        """Plan, and let something happen before or after one of the planner's steps."""
        real = getattr(planning, step)

        def stepping(*args: Any, **options: Any) -> Any:
            if not after:
                meanwhile()
            answer = real(*args, **options)
            if after:
                meanwhile()
            return answer

        with patch.object(planning, step, stepping):
            self.plan(self.schedule(rhythm))

    def model_plans(self, rhythm: Rhythm) -> None:
        self.model.number()
        self.model.plan(rhythm, self.now, self.now)

    def compare(self) -> None:
        """Since the last look the product has told just what the model says."""
        told, self.last_batch = mails_since(self.world.engine, self.last_batch)
        wanted, self.model.mails = self.model.mails, []
        self.compared = _sorted(told) == _sorted(wanted)
        assert self.compared, f"told {_sorted(told)}, and should have {_sorted(wanted)}"

    def commit_late(self) -> None:
        conn, event, reasons = self.uncommitted.pop(0)
        conn.commit()
        conn.close()
        self.model.unnumbered[event] = reasons

    def tick(self) -> None:
        self.world.tick(self.now)
        self.model.tick(self.now)
        self.compare()

    def teardown(self) -> None:
        """At the end everything comes out: all commits, and time enough for every schedule."""
        try:
            if hasattr(self, "ids") and self.compared:
                self._come_to_rest()
        finally:
            for conn, *_ in self.uncommitted:
                conn.close()

    def _come_to_rest(self) -> None:
        while self.uncommitted:
            self.commit_late()
        for days in (0, 1, 8):
            self.now += timedelta(days=days)
            self.tick()
        assert not [reader for reader in self.model.readers.values() if reader.waiting()]
        check_ledger(self.world.engine, self.world.settings.quiet_interval)


def _sorted(mails: Iterable[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return sorted(mails, key=lambda mail: (mail[0], mail[1].at))
