from datetime import UTC, datetime

import pytest
from sqlalchemy import insert, text

from notifier.delivery.models import Batch, Delivery
from notifier.digests.models import Edition, Run
from notifier.subscriptions.models import Schedule

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


@pytest.fixture
def accepted_batch(engine):
    with engine.begin() as connection:
        schedule = connection.scalar(
            insert(Schedule)
            .values(frequency="daily", zone="UTC", hour=8, weekday=0, next_due_at=NOW, covered_to=0)
            .returning(Schedule.id)
        )
        run = connection.scalar(
            insert(Run)
            .values(
                key="daily/2026-11-22", schedule_id=schedule, from_position=0, to_position=1, planned_at=NOW
            )
            .returning(Run.id)
        )
        edition = connection.scalar(
            insert(Edition).values(key=b"1", locale="en", created_at=NOW).returning(Edition.id)
        )
        values = {"run_id": run, "edition_id": edition, "size": 1, "next_attempt_at": NOW, "created_at": NOW}
        values |= {"state": "accepted", "reason": "taken"}
        return connection.execute(insert(Batch).values(values).returning(Batch.id, Batch.run_id)).one()


@pytest.mark.parametrize(
    ("own", "reason", "shown"),
    [
        (None, None, ("accepted", "taken")),
        ("bounced", "no such mailbox", ("bounced", "no such mailbox")),
        ("skipped", None, ("skipped", None)),
    ],
)
def test_a_delivery_shows_its_own_state_or_that_of_its_batch(engine, accepted_batch, own, reason, shown):
    with engine.begin() as connection:
        values = {"run_id": accepted_batch.run_id, "batch_id": accepted_batch.id}
        connection.execute(insert(Delivery).values(values | {"state": own, "reason": reason}))
        assert connection.execute(text("SELECT state, reason FROM delivery_states")).one() == shown
