"""Plan a run: from positions to deliveries, in one transaction. All of it is there, or none."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from sqlalchemy import Connection, Engine, text

from notifier.db.copies import is_home
from notifier.delivery.batching import refresh_statistics, write_deliveries
from notifier.delivery.providers import largest_batch
from notifier.digests.editions import write_editions
from notifier.digests.matching import match_range
from notifier.digests.runs import DueRun, claim_run, close_range, open_run
from notifier.registry.positions import assign_positions
from notifier.settings import Settings

log = structlog.get_logger()

Park = Callable[[Connection, int], object]
"""What becomes of a run that may have gone out already, by its id."""


@dataclass(frozen=True)
class PlannedRun:
    """What a run came to. `run_id` is None for a dry run, and where nobody has anything to read at once."""

    run_id: int | None
    key: str
    people: int
    editions: int
    batches: int


def plan_run(
    engine: Engine,
    schedule_id: int,
    *,
    at: datetime,
    now: datetime,
    settings: Settings,
    dry: bool = False,
    park: Park | None = None,
) -> PlannedRun | None:
    """Plan the run of this schedule that is due at `at`; None if that has been done.

    Two schedulers at once: the second waits for the first and then finds nothing due. `now` is when the
    deliveries may go out. In a copy of a database nothing is planned, but to `park` it.
    """
    with engine.begin() as conn:
        assign_positions(conn)
    with engine.connect() as conn, conn.begin() as transaction:
        due = claim_run(conn, schedule_id, at) if park or is_home(conn) else None
        if due is None:
            return None
        planned = _plan(conn, due, at, now, settings)
        if park and planned.run_id:
            park(conn, planned.run_id)
        if dry:
            transaction.rollback()
            return PlannedRun(None, planned.key, planned.people, planned.editions, planned.batches)
    log.info(
        "run_planned",
        run=planned.run_id,
        after=due.covered_to,
        up_to=due.head,  # the events: by their positions
        people=planned.people,
        editions=planned.editions,
        batches=planned.batches,
    )
    if planned.people > 10_000:
        refresh_statistics(engine)
    return planned


def _plan(conn: Connection, due: DueRun, at: datetime, now: datetime, settings: Settings) -> PlannedRun:
    match_range(conn, due, at)
    write_editions(conn, at)
    people: int = conn.execute(text("SELECT count(*) FROM planned_mail")).scalar_one()
    editions: int = conn.execute(text("SELECT count(DISTINCT edition_id) FROM planned_mail")).scalar_one()
    run_id, batches = None, 0
    if people or due.local_date:
        run_id = open_run(conn, due, at)
        batches = write_deliveries(conn, run_id, "digest", largest_batch(settings), now)
    close_range(conn, due, at, quiet_until=at + settings.quiet_interval)
    return PlannedRun(run_id, due.key, people, editions, batches)


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
