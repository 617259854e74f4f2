"""Upkeep at any moment leaves promise 4 as it is: the state machine, while old mail goes."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from notifier.delivery import expiring, expiring_events, withdrawing
from notifier.delivery.expiring import Horizon, LedgerExpiry, expire_runs
from notifier.delivery.expiring_events import empty_events, told_everybody
from notifier.settings import Settings
from tests.digests import promise_model
from tests.digests.promise_machine import PromiseFour
from tests.digests.promise_stage import news
from tests.digests.test_promise_four import EXAMPLES, THOROUGH
from tests.world import World

UNDO, MARGIN = (
    timedelta(days=1),
    timedelta(minutes=1),
)  # in place of 30 days, so that much gets old in a short life


class Upkeep(PromiseFour):
    gone = 0

    @rule()
    def senders_work(self) -> None:
        super().senders_work()
        self._ended(self.now)

    @rule(days=st.lists(news, min_size=1, max_size=4))
    def days_of_mail(self, days: list[dict[str, int]]) -> None:
        for about in days:
            self.event(about, numbered=True)
            self.now += timedelta(hours=25)
            self.tick()
            self.senders_work()
            self.old_mail_goes()

    @rule()
    def old_mail_goes(self) -> None:
        engine, before = self.world.engine, self.now - UNDO - 2 * MARGIN
        with engine.connect() as conn:
            horizon = Horizon.at(conn, before, now=self.now)
            up_to = told_everybody(conn, now=self.now)
        expiry = LedgerExpiry(engine, horizon)
        while count := expiry.chunk():
            type(self).gone += count
        expire_runs(engine, horizon)
        with engine.begin() as conn:  # the machine's clock is not the database's
            conn.execute(text("UPDATE change_events SET seen_at = :then"), {"then": before - MARGIN})
        empty_events(engine, before, up_to)

    def _ended(self, now: datetime) -> None:
        with self.world.engine.begin() as conn:
            conn.execute(
                text("UPDATE batches SET ended_at = :now WHERE state = 'accepted' AND ended_at IS NULL"),
                {"now": now},
            )

    def _come_to_rest(self) -> None:
        """What has gone cannot be looked at again; each mail was when it was planned."""
        for days in (0, 1, 8):
            self.now += timedelta(days=days)
            self.tick()
        assert not [reader for reader in self.model.readers.values() if reader.waiting()]


@pytest.mark.timeout(900)
def test_who_undoes_and_pauses_hears_each_thing_once_while_old_mail_goes(
    engine: Engine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (withdrawing, expiring, expiring_events, promise_model):
        monkeypatch.setattr(module, "UNDO_PERIOD", UNDO)
    for module in (expiring, expiring_events):
        monkeypatch.setattr(module, "MARGIN", MARGIN)

    class Machine(Upkeep):
        world = World(engine, settings)
        folder = tmp_path

    run_state_machine_as_test(Machine, settings=hypothesis_settings(THOROUGH, max_examples=max(15, EXAMPLES)))
    assert Machine.gone > 50
