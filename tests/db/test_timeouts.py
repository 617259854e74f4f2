"""What nobody waits for is given up, instead of weighing on the mail."""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from notifier.db.timeouts import give_up_after
from notifier.ops import counts
from tests.world import NOON

MOMENT = timedelta(milliseconds=300)


def many_short_statements(engine: Engine) -> None:
    with engine.begin() as conn:
        give_up_after(conn, MOMENT)
        for _ in range(20):
            conn.execute(text("SELECT pg_sleep(0.1)"))


def test_many_short_statements_are_as_long_as_one_long_one(engine: Engine):
    with pytest.raises(DBAPIError, match="timeout"):
        many_short_statements(engine)
    with engine.begin() as conn:
        assert conn.scalar(text("SHOW transaction_timeout")) == "0", "the next transaction has all its time"


def test_a_count_that_takes_too_long_leaves_the_old_one(engine: Engine, monkeypatch: pytest.MonkeyPatch):
    counts.count_all(engine, now=NOON)
    monkeypatch.setattr(counts, "LONGEST_COUNT", MOMENT)
    with engine.begin() as slow:
        slow.execute(text("LOCK TABLE subscribers"))
        with pytest.raises(DBAPIError, match="timeout"):
            counts.count_all(engine, now=NOON + timedelta(hours=1))
    with engine.connect() as conn:
        assert counts.counts(conn)[1] == NOON
