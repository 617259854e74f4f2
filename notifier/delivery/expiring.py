"""Mail that ended long ago does not stay: its deliveries, batches, editions and runs, and what the webhook said of it.

An undo asks the ledger what a person has been told (docs/decisions/0016). So whoever's range may still begin before
something that old mail told keeps all of theirs: docs/decisions/0024 has the reasons, one by one.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from notifier.db.locks import Lock, hold_if_free
from notifier.delivery.erasing import remove_mails
from notifier.subscriptions.ending import UNDO_PERIOD

CHUNK_PEOPLE = 2_000  # one transaction: a third of a second with ten million deliveries
CHUNK_BATCHES = 500
MARGIN = timedelta(days=1)  # clocks differ, and an undo may begin a moment before its time is over
ENDED_STATES = ("state = 'accepted'", "state IN ('failed', 'dropped')")  # each has an index by `ended_at`


@dataclass(frozen=True)
class Horizon:
    """Mail that ended before `before` may go. It told of nothing beyond the position `told_to`. Who ended something
    after `undo_since` may undo it; whom a planner asked the ledger about after `asked_since` may have mail about that
    held back and set back even now."""

    before: datetime
    told_to: int
    undo_since: datetime
    asked_since: datetime

    @classmethod
    def at(cls, conn: Connection, before: datetime, *, now: datetime) -> "Horizon":
        told_to = conn.execute(text(_TOLD_TO), {"before": before}).scalar_one()
        open_since = conn.execute(text(_OPEN_SINCE)).scalar_one()
        while_undone = UNDO_PERIOD + MARGIN
        return cls(before, told_to, now - while_undone, min(open_since or before, before) - while_undone)


_TOLD_TO = "SELECT COALESCE(max(to_position), 0) FROM runs WHERE planned_at < :before"

# Those that failed too, as an operator may send them again. Each branch has a partial index of its own.
_OPEN_SINCE = """
SELECT min(created_at) FROM (
  SELECT created_at FROM batches WHERE state IN ('planned', 'retrying') AND run_id IS NOT NULL
  UNION ALL SELECT created_at FROM batches WHERE state = 'sending'
  UNION ALL SELECT created_at FROM batches WHERE state = 'unknown'
  UNION ALL SELECT created_at FROM batches WHERE state = 'failed') x
"""


@dataclass
class Place:
    """How far a walk has come. It outlives a turn: else those who must stay would keep all turns to themselves."""

    ahead: list[str] = field(default_factory=lambda: list(ENDED_STATES))
    passed: tuple[datetime | None, int] = (None, 0)

    def next_state(self) -> bool:
        """False when that was the last one; then it stands at the beginning again."""
        self.ahead, self.passed = self.ahead[1:] or list(ENDED_STATES), (None, 0)
        return len(self.ahead) < len(ENDED_STATES)


class LedgerExpiry:
    """Walks through what ended before the horizon, oldest first, a chunk at a time. What must stay is passed over, and
    looked at again by the next walk."""

    def __init__(self, engine: Engine, horizon: Horizon, place: Place, outbox: Path | None = None) -> None:
        self._engine, self._horizon, self._place, self._outbox = engine, horizon, place, outbox

    def chunk(self) -> int | None:
        """How many deliveries and batches went; None when there is nothing more to do for now."""
        with self._engine.begin() as conn:
            if not hold_if_free(conn, Lock.EDITIONS):
                return None  # a run is being planned, and may use what we would take away
            batches, gone = self._take(conn)
        if not batches and not self._place.next_state():
            return None
        return gone

    def _take(self, conn: Connection) -> tuple[int, int]:
        ended_at, batch_id = self._place.passed
        bind: dict[str, Any] = {**self._horizon.__dict__, "ended_at": ended_at, "batch_id": batch_id}
        bind |= {"people": CHUNK_PEOPLE, "batches": CHUNK_BATCHES}
        taken = conn.execute(text(_TAKE.format(state=self._place.ahead[0])), bind).all()
        if not taken:
            return 0, 0
        mails, batches = _forget(conn, [row.id for row in taken], bind)
        if self._outbox and mails:
            remove_mails(self._outbox, mails)
        self._place.passed = (taken[-1].ended_at, taken[-1].id)
        return len(taken), len(mails) + batches


_TAKE = """
SELECT id, ended_at FROM (
  SELECT id, ended_at, sum(size) OVER (ORDER BY ended_at, id) - size AS people_before FROM (
    SELECT id, ended_at, size FROM batches
    WHERE {state} AND ended_at < :before
      AND (CAST(:ended_at AS timestamptz) IS NULL OR (ended_at, id) > (:ended_at, :batch_id))
    ORDER BY ended_at, id LIMIT :batches FOR UPDATE SKIP LOCKED) x) y
WHERE people_before < :people ORDER BY ended_at, id
"""


def _forget(conn: Connection, batch_ids: list[int], bind: dict[str, Any]) -> tuple[list[UUID], int]:
    mails = list(conn.execute(text(_FORGET_DELIVERIES), {**bind, "ids": batch_ids}).scalars())
    gone = conn.execute(text(_FORGET_BATCHES), {"ids": batch_ids}).all()
    editions = {row.edition_id for row in gone if row.edition_id is not None}
    conn.execute(text(_FORGET_EDITIONS), {"ids": sorted(editions)})
    return mails, len(gone)


# A batch of which some must stay is as large as what is left, so the next walk is past it sooner.
# Held back before it: while that is there, an undo would take it for something they have never been told.
_FORGET_DELIVERIES = """
WITH gone AS (
DELETE FROM deliveries d USING (
  SELECT d.id FROM deliveries d
  LEFT JOIN subscribers s ON s.id = d.subscriber_id LEFT JOIN schedules c ON c.id = s.schedule_id
  WHERE d.batch_id = ANY(:ids)
    AND (s.id IS NULL OR NOT (
      s.state = 'active' AND COALESCE(s.resume_position, c.covered_to) < :told_to
      OR COALESCE(s.ledger_asked_at > :asked_since, false)
      OR EXISTS (SELECT 1 FROM subscriptions b
                 WHERE b.subscriber_id = s.id AND b.ended_at > :undo_since AND b.told_to < :told_to)
      OR EXISTS (SELECT 1 FROM deliveries h
                 WHERE h.subscriber_id = s.id AND h.state = 'skipped' AND h.reason IN ('stopped', 'changed')
                   AND h.batch_id + 0 < d.batch_id)))  -- by the index of the person, never by that of the batch
  FOR UPDATE OF d SKIP LOCKED) x
WHERE d.id = x.id RETURNING d.id, d.batch_id),
smaller AS (
  UPDATE batches b SET size = b.size - g.people
  FROM (SELECT batch_id, count(*) AS people FROM gone GROUP BY batch_id) g WHERE b.id = g.batch_id)
SELECT id FROM gone
"""

_FORGET_BATCHES = """
DELETE FROM batches b WHERE b.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.batch_id = b.id)
RETURNING edition_id
"""

_FORGET_EDITIONS = """
WITH gone AS (
  DELETE FROM editions e
  WHERE e.id = ANY(:ids) AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.edition_id = e.id) RETURNING id)
DELETE FROM edition_items i USING gone WHERE i.edition_id = gone.id
"""


def expire_runs(engine: Engine, horizon: Horizon) -> int:
    """Runs of which no mail is left; the last one of each schedule says that it has been planned, and stays."""
    with engine.begin() as conn:
        return conn.execute(text(_FORGET_RUNS), {"before": horizon.before, "limit": CHUNK_BATCHES}).rowcount


_FORGET_RUNS = """
DELETE FROM runs WHERE id IN (
  SELECT id FROM runs r
  WHERE planned_at < :before AND NOT EXISTS (SELECT 1 FROM batches b WHERE b.run_id = r.id)
    AND (r.schedule_id IS NULL
         OR EXISTS (SELECT 1 FROM runs n WHERE n.schedule_id = r.schedule_id AND n.planned_at > r.planned_at))
  ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED)
"""


def expire_feedback(engine: Engine, before: datetime) -> int:
    """What is counted (feedback_hours) stays counted. Of a mail in doubt it is the evidence, and stays."""
    with engine.begin() as conn:
        return conn.execute(text(_FORGET_FEEDBACK), {"before": before, "limit": CHUNK_PEOPLE}).rowcount


_FORGET_FEEDBACK = """
DELETE FROM feedback_events WHERE id IN (
  SELECT id FROM feedback_events f
  WHERE received_at < :before AND applied_at IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM deliveries d JOIN batches b ON b.id = d.batch_id
                    WHERE d.id = f.delivery_id AND b.ended_at IS NULL)
  ORDER BY received_at LIMIT :limit FOR UPDATE SKIP LOCKED)
"""
