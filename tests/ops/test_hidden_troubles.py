"""What other numbers could hide: it is said all the same."""

from datetime import timedelta

import pytest

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.ops.heartbeat import QUEUES
from notifier.ops.numbers import take_numbers
from notifier.ops.verdict import verdict
from tests.delivery.office import Office
from tests.ops.test_troubles import accepted, alerts, failed, sentence, served


def test_most_digests_that_fail_are_a_trouble_whatever_letters_do(office: Office):
    failed(office, 15)
    accepted(office, "welcome", office.clock())
    office.sql("UPDATE batches SET size = 4000 WHERE mail = 'welcome'")
    assert alerts(office) == ["DeliveriesFailed"]
    assert sentence(office) == "15 mails failed for good within a day: 100 % of the digests that were tried."
    accepted(office, "correction", office.clock())
    office.sql("UPDATE batches SET size = 15 WHERE mail = 'correction'")
    assert alerts(office) == [], "no more than went well"


def test_doubt_is_said_also_where_its_run_is_paused(office: Office):
    office.provider.answers = [lambda batch: Outcome("unknown")]
    office.send()
    with office.world.engine.begin() as conn:
        brakes.pause_run(conn, *office.sql("SELECT key FROM runs")[0], now=office.clock())  # type: ignore[misc]
    assert sentence(office) == "All is well: no mail due, 8 in doubt."


@pytest.mark.parametrize(
    ("kinds", "trouble"),
    [
        ({"blocked": 19}, False),
        ({"blocked": 12, "dropped": 8}, True),
        ({"blocked": 900, "delivered": 900}, False),
        ({"dropped_bounced": 901, "delivered": 900}, True),
        ({"deferred": 5000, "delivered": 900}, False),
    ],
)
def test_mail_that_is_taken_and_then_turned_away_did_not_reach_anybody(
    office: Office, kinds: dict[str, int], trouble: bool
):
    """No address is dead, so nothing pauses by itself."""
    office.send()
    for kind, events in kinds.items():
        office.sql(
            "INSERT INTO feedback_hours (hour, kind, digest, events) VALUES (:now, :kind, true, :events)",
            now=office.clock(),
            kind=kind,
            events=events,
        )
    assert alerts(office) == (["BounceRate"] if trouble else [])
    if trouble:
        assert "turned" in sentence(office)


def test_a_queue_that_nobody_has_served_yet_is_said_before_it_is_late(office: Office):
    office.send()
    office.sql("UPDATE installation SET installed_at = :now", now=office.clock())
    now = office.clock() + timedelta(minutes=3)
    served(office, now, *(queue for queue in QUEUES if queue != "send"))
    found = verdict(take_numbers(office.world.engine, now=now))
    assert (found.is_well, found.troubles) == (False, [])
    assert found.words == (
        "Nothing has answered yet: no worker for send has been seen since Notifier was set up 3 min ago; no mail due."
    )
