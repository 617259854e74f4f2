"""Plan a run: from positions to deliveries, in one transaction. All of it is there, or none."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from notifier.delivery.providers import largest_batch
from notifier.digests.editions import write_editions
from notifier.digests.matching import match_range
from notifier.digests.runs import DueRun, claim_run, close_range, open_run
from notifier.registry.positions import assign_positions
from notifier.settings import Settings


@dataclass(frozen=True)
class PlannedRun:
    """What a run came to. `run_id` is None for a dry run, and where nobody has anything to read at once."""

    run_id: int | None
    key: str
    people: int
    editions: int
    batches: int


def plan_run(
    engine: Engine, schedule_id: int, *, at: datetime, now: datetime, settings: Settings, dry: bool = False
) -> PlannedRun | None:
    """Plan the run of this schedule that is due at `at`; None if that has been done.

    Two schedulers at once: the second waits for the first and then finds nothing due. `now` is when the
    deliveries may go out.
    """
    with engine.begin() as conn:
        assign_positions(conn)
    with engine.connect() as conn, conn.begin() as transaction:
        due = claim_run(conn, schedule_id, at)
        if due is None:
            return None
        planned = _plan(conn, due, at, now, settings)
        if dry:
            transaction.rollback()
            return PlannedRun(None, planned.key, planned.people, planned.editions, planned.batches)
    if planned.people > 10_000:
        _refresh_statistics(engine)
    return planned


def _plan(conn: Connection, due: DueRun, at: datetime, now: datetime, settings: Settings) -> PlannedRun:
    match_range(conn, due, at)
    write_editions(conn, at)
    people: int = conn.execute(text("SELECT count(*) FROM planned_mail")).scalar_one()
    editions: int = conn.execute(text("SELECT count(DISTINCT edition_id) FROM planned_mail")).scalar_one()
    run_id, batches = None, 0
    if people or due.local_date:
        run_id = open_run(conn, due, at)
        batches = _write_deliveries(conn, run_id, largest_batch(settings), now)
    close_range(conn, due, at, quiet_until=at + settings.quiet_interval)
    return PlannedRun(run_id, due.key, people, editions, batches)


def _write_deliveries(conn: Connection, run_id: int, batch_size: int, now: datetime) -> int:
    """One delivery for each person, in batches of one edition. A second delivery to the same person in the
    same run breaks the unique index and the whole plan with it: that would be a fault of ours."""
    conn.execute(text("DROP TABLE IF EXISTS planned_parts, planned_batches"))
    bind = {"run_id": run_id, "batch_size": batch_size, "now": now}
    for statement in (_PARTS, _BATCH_IDS, "ANALYZE planned_parts, planned_batches", _BATCHES, _DELIVERIES):
        conn.execute(text(statement), bind)
    count: int = conn.execute(text("SELECT count(*) FROM planned_batches")).scalar_one()
    return count


_PARTS = """
CREATE TEMP TABLE planned_parts ON COMMIT DROP AS
SELECT subscriber_id, edition_id,
       ((row_number() OVER (PARTITION BY edition_id ORDER BY subscriber_id) - 1) / :batch_size)::int AS part
FROM planned_mail
"""

_BATCH_IDS = """
CREATE TEMP TABLE planned_batches ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('batches', 'id')) AS batch_id, edition_id, part, size
FROM (SELECT edition_id, part, count(*) AS size FROM planned_parts GROUP BY edition_id, part
      ORDER BY edition_id, part) x
"""

_BATCHES = """
INSERT INTO batches (id, run_id, edition_id, size, next_attempt_at, created_at)
OVERRIDING SYSTEM VALUE
SELECT batch_id, :run_id, edition_id, size, :now, :now FROM planned_batches
"""

_DELIVERIES = """
INSERT INTO deliveries (run_id, batch_id, subscriber_id)
SELECT :run_id, b.batch_id, p.subscriber_id
FROM planned_parts p JOIN planned_batches b USING (edition_id, part)
ORDER BY b.batch_id, p.subscriber_id  -- those of one call lie side by side, in the table and in its index
"""


def _refresh_statistics(engine: Engine) -> None:
    """Claims on a million fresh rows take twenty times as long while the planner believes the table empty."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE batches, deliveries, editions, edition_items"))


def plan_all(
    engine: Engine,
    schedule_ids: list[int],
    *,
    at: datetime,
    now: datetime,
    settings: Settings,
    dry: bool = False,
) -> list[PlannedRun]:
    plans = [plan_run(engine, id_, at=at, now=now, settings=settings, dry=dry) for id_ in schedule_ids]
    return [plan for plan in plans if plan is not None]
