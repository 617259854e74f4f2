"""What the operators' pages ask is found by an index, among very many mails that have ended."""

import re
from datetime import timedelta

import pytest

from notifier.delivery import listing, story
from notifier.ops import charts, failures, runs
from tests.delivery.office import Office

BATCHES, SIZE = 5_000, 12
VALUES = {
    "ids": "ARRAY[1]::bigint[]",
    "since": "TIMESTAMPTZ '{now}' - interval '5 minutes'",
    "begin": "TIMESTAMPTZ '{now}' - interval '1 day'",
    "limit": "50",
    "most": "50",
    "nct_id": "'NCT00000001'",
    "class": "'fault'",
    "run_id": "1",
    "key": "'\\x01'::bytea",
}
_BIND = re.compile(r"(?<!:):([a-z_]+)")
ASKED = {
    "running": runs._RUNNING,
    "sent": charts._SENT,
    "failed": charts._FAILED,
    "groups": failures._GROUPS,
    "alone": failures._ALONE,
}


@pytest.fixture
def ledger(office: Office) -> Office:
    """A year's worth in small: nearly all was delivered long ago."""
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, state, next_attempt_at, created_at, ended_at)
           SELECT run_id, edition_id, :size,
                  CASE WHEN n % 1000 = 0 THEN 'failed' WHEN n % 1000 = 1 THEN 'unknown' ELSE 'accepted' END,
                  created_at, created_at, created_at - n * interval '1 hour'
           FROM batches, generate_series(1, :batches) n""",
        size=SIZE,
        batches=BATCHES,
    )
    office.sql(
        """INSERT INTO deliveries (run_id, batch_id, state, state_at)
           SELECT run_id, b.id, CASE WHEN b.id % 500 = 3 AND n = 1 THEN 'bounced' ELSE 'delivered' END, ended_at
           FROM batches b, generate_series(1, :size) n WHERE b.state = 'accepted'""",
        size=SIZE,
    )
    office.sql("ANALYZE")
    return office


def plan(office: Office, statement: str) -> str:
    now = office.clock().isoformat()
    filled = _BIND.sub(lambda found: VALUES[found[1]].format(now=now), statement)
    return "\n".join(str(line) for (line,) in office.sql(f"EXPLAIN {filled}".replace(":", "\\:")))


@pytest.mark.parametrize("name", ASKED)
def test_no_page_reads_all_there_is(ledger: Office, name: str):
    found = plan(ledger, ASKED[name])
    assert "Seq Scan on deliveries" not in found, found
    assert "Seq Scan on batches" not in found, found


@pytest.mark.parametrize("statement", [runs._PROGRESS, story._STUDY, story._PERSON])
def test_a_run_a_study_and_a_person_are_found_by_an_index(ledger: Office, statement: str):
    assert "Seq Scan on deliveries" not in plan(ledger, statement)


@pytest.mark.parametrize(
    "state", ["bounced", "failed", "unknown", "dropped", "skipped", "sending", "retrying"]
)
def test_what_is_rare_is_found_among_what_is_common(ledger: Office, state: str):
    found = plan(ledger, listing.statement(state, run=False, classed=False))
    assert "Seq Scan on deliveries" not in found, found


def test_a_chart_has_an_hour_for_each_of_the_last_day(ledger: Office):
    with ledger.world.engine.connect() as conn:
        sent, failed, bounced = charts.last_day(conn, ledger.clock())
    assert len(sent.counts) == len(failed.counts) == len(bounced.counts) == 24
    assert sent.begin == ledger.clock() - timedelta(hours=24)
    assert (sent.total, sent.most) == (22 * SIZE, SIZE)
    assert (sent.heights(60)[1], bounced.heights(60)) == (60, [0] * 24)
