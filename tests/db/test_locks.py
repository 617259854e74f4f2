"""Who waits for whom in the database is written in one place."""

import threading

from sqlalchemy import Engine

from notifier.db.locks import Lock, hold, hold_if_free
from notifier.ops.counts import count_all
from tests.test_layout import CODE, name_of
from tests.world import NOON


def test_each_lock_is_made_in_one_file_so_that_no_two_have_one_number():
    elsewhere = [name_of(path) for path in CODE if "pg_advisory" in path.read_text().replace("_try", "")]
    assert elsewhere == ["notifier/db/locks.py"]
    assert len({int(lock) for lock in Lock}) == len(Lock.__members__)


def test_a_long_intake_does_not_hinder_the_counts(engine: Engine):
    with engine.begin() as conn:
        hold(conn, Lock.INTAKE)
        assert count_all(engine, now=NOON)


def test_one_count_at_a_time(engine: Engine):
    with engine.begin() as conn:
        hold(conn, Lock.COUNTS)
        assert not count_all(engine, now=NOON)
    assert count_all(engine, now=NOON)


def test_whoever_holds_a_lock_is_waited_for(engine: Engine):
    with engine.begin() as first:
        hold(first, Lock.POSITIONS)
        with engine.begin() as second:
            assert not hold_if_free(second, Lock.POSITIONS)
        waiting = threading.Thread(target=lambda: _hold_once(engine))
        waiting.start()
        waiting.join(0.2)
        assert waiting.is_alive()
    waiting.join(10)
    assert not waiting.is_alive()


def _hold_once(engine: Engine) -> None:
    with engine.begin() as conn:
        hold(conn, Lock.POSITIONS)
