"""Many people, each of whom waits for a mail that nobody else gets."""

from collections import Counter

from tests.journeys.records import record
from tests.journeys.stage import Stage


def everybody_waits_for_a_call_of_their_own(stage: Stage, people: int) -> Counter[str]:
    """Each follows a study of their own, so that each mail is a call of its own."""
    ids = [f"NCT92{n:06d}" for n in range(people)]
    known = [record(nct_id, first_posted="2026-01-05") for nct_id in ids]
    stage.notifier("records", "import", stage.write("v1.ndjson", *known))
    rows = [f"person{n}@example.org,{nct_id},,daily,UTC,2026-11-01" for n, nct_id in enumerate(ids)]
    header = "email,study,condition,frequency,timezone,confirmed_at"
    stage.notifier("subscribers", "import", stage.write("people.csv", header, *rows))
    changed = [
        record(nct_id, first_posted="2026-01-05", overallStatus="RECRUITING", posted="2026-11-10")
        for nct_id in ids
    ]
    stage.notifier("records", "import", stage.write("v2.ndjson", *changed))
    return Counter(f"person{n}@example.org" for n in range(people))
