"""What operators look for is found among millions of others."""

import pytest

from notifier.delivery.listing import list_deliveries, statement
from notifier.delivery.providers import Outcome
from notifier.errors import NotifierError
from tests.delivery.office import Office


def found(office: Office, state: str | None = None, **more: str) -> list[tuple[str, str | None]]:
    chosen = {"run": None, "failure_class": None, **more}
    with office.world.engine.connect() as conn:
        rows = list_deliveries(conn, state=state, limit=50, **chosen)  # type: ignore[arg-type]
    return [(row.state, row.reason) for row in rows]


def one_refused_and_the_rest_in_doubt(office: Office) -> None:
    office.provider.answers = [
        lambda batch: Outcome(
            "unknown", reason="timed out", refused={batch.recipients[0].delivery_id: "not an address"}
        )
    ]
    office.send()


def test_a_state_is_found_on_the_batch_and_on_the_person(office: Office) -> None:
    one_refused_and_the_rest_in_doubt(office)
    assert found(office, "unknown") == [("unknown", "timed out")] * 7
    assert found(office, "failed") == [("failed", "not an address")]
    assert found(office, "bounced") == []
    assert len(found(office)) == 8


def test_a_list_can_be_narrowed_to_a_run_and_to_a_class(office: Office) -> None:
    one_refused_and_the_rest_in_doubt(office)
    ((key,),) = office.sql("SELECT key FROM runs")
    assert len(found(office, "unknown", run=str(key), failure_class="unknown")) == 7
    assert found(office, "unknown", failure_class="our_fault") == []
    with pytest.raises(NotifierError, match="There is no run daily/1999"):
        found(office, run="daily/1999")


@pytest.mark.parametrize(
    ("state", "index"), [("unknown", "ix_batches_unknown"), ("failed", "ix_batches_failed")]
)
def test_what_needs_an_operator_is_found_without_walking_all_deliveries(
    office: Office, state: str, index: str
) -> None:
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, state, next_attempt_at, created_at)
           SELECT run_id, edition_id, 10, CASE WHEN n % 1000 = 0 THEN :state ELSE 'accepted' END, created_at, created_at
           FROM batches, generate_series(1, 3000) n""",
        state=state,
    )
    office.sql(
        """INSERT INTO deliveries (run_id, batch_id)
           SELECT run_id, id FROM batches, generate_series(1, 10) WHERE state <> 'planned'"""
    )
    office.sql("ANALYZE batches, deliveries")
    explain = "EXPLAIN " + statement(state, run=False, classed=False).replace(":limit", "50")
    plan = "\n".join(str(line) for (line,) in office.sql(explain))
    assert index in plan
    assert "Seq Scan on deliveries" not in plan
