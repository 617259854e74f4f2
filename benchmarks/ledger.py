"""Two daily runs for everybody, planned as always: yesterday's arrived, today's waits."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection, Engine, text

from benchmarks.place import Place
from benchmarks.world import condition_name
from notifier.conditions.normal_form import normal_form
from notifier.delivery.planning import PlannedRun, plan_run
from notifier.registry.intake import take_in
from notifier.registry.records import RawRecord
from notifier.subscriptions.audiences import refresh_audiences, touch
from tests.journeys.records import Record, record

COMMON, RARE = 300, 80
"""Conditions. Everybody follows one of each, so there are 24,000 sets of what people follow."""
LONG_AGO = date(2000, 1, 1)

_PEOPLE = """
INSERT INTO schedules (frequency, zone, hour, weekday, next_due_at, covered_to)
VALUES ('daily', 'UTC', 8, 0, :yesterday, 0);
INSERT INTO targets (kind, key, label, known)
SELECT 'condition', c.key, c.label, true
FROM unnest(CAST(:keys AS text[]), CAST(:names AS text[])) WITH ORDINALITY AS c (key, label, place) ORDER BY place;
INSERT INTO subscribers (email, email_key, schedule_id, created_at)
SELECT 'person' || n || '@example.org', sha256(n::text::bytea), (SELECT max(id) FROM schedules), :yesterday
FROM generate_series(1, :people) n;
INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
SELECT s.id, t.first + k * :common + CASE k WHEN 0 THEN s.id % :common ELSE s.id / :common % :rare END,
       4, 0, :yesterday, 'import'
FROM subscribers s, generate_series(0, 1) k, (SELECT min(id) AS first FROM targets) t
"""

_ARRIVED = """
UPDATE batches SET state = 'accepted', attempts = 1, attempted_at = :at, called_at = :at, provider = 'sendgrid',
       ended_at = :at + id % 600 * interval '1 second'
WHERE run_id = :run_id;
UPDATE deliveries SET state = CASE WHEN hashtext(id::text) % 500 = 0 THEN 'bounced' ELSE 'delivered' END,
       state_at = :at + interval '15 minutes'
WHERE run_id = :run_id;
INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at, applied_at)
SELECT id, id, CASE state WHEN 'bounced' THEN 'bounce' ELSE state END, state_at, state_at, state_at
FROM deliveries WHERE run_id = :run_id
"""


def fill(place: Place, people: int) -> tuple[PlannedRun, PlannedRun]:
    """(yesterday's run, today's)"""
    now = datetime.now(UTC)
    yesterday = now - timedelta(days=1)
    names = [condition_name(number) for number in range(COMMON + RARE)]
    keys = [normal_form(name) for name in names]
    with place.engine.begin() as conn:
        _each(
            conn,
            _PEOPLE,
            people=people,
            keys=keys,
            names=names,
            common=COMMON,
            rare=RARE,
            yesterday=yesterday,
        )
    _clean(place.engine)
    with place.engine.begin() as conn:
        touch(conn, conn.execute(text("SELECT id FROM subscribers")).scalars())
        conn.execute(text("ANALYZE touched"))
        refresh_audiences(conn)
    _clean(place.engine)
    first = _run(place, 0, yesterday)
    with place.engine.begin() as conn:
        _each(conn, _ARRIVED, run_id=first.run_id, at=yesterday)
    _clean(place.engine)
    second = _run(place, 1, now)
    _clean(place.engine)
    return first, second


def _each(conn: Connection, statements: str, **bind: object) -> None:
    for statement in statements.split(";"):
        conn.execute(
            text(statement), {name: value for name, value in bind.items() if f":{name}" in statement}
        )


def _clean(engine: Engine) -> None:
    """As autovacuum has done by the time that somebody looks."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("VACUUM ANALYZE"))


def _run(place: Place, day: int, at: datetime) -> PlannedRun:
    studies = (RawRecord("made-up", line, one) for line, one in enumerate(_studies(day), 1))
    take_in(place.engine, studies, since=LONG_AGO, now=at)
    with place.engine.connect() as conn:
        schedule_id = conn.execute(text("SELECT id FROM schedules")).scalar_one()
    planned = plan_run(place.engine, schedule_id, at=at, now=at, settings=place.settings)
    assert planned
    assert planned.run_id
    return planned


def _studies(day: int) -> Iterator[Record]:
    """A new study about each condition."""
    for number in range(COMMON + RARE):
        yield record(f"NCT9{day:03d}{number:04d}", conditions=[condition_name(number)])
