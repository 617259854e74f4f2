"""Digest runs: which schedules are due, and over which positions."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain, count

from sqlalchemy import Connection, text

from notifier.registry.positions import head_position
from notifier.subscriptions.schedules import Rhythm, rhythm_of

# Whoever takes part in a run. Only `immediate` minds the quiet time; who moved to another frequency keeps it for the
# case that they come back. Of those who do not take part, where their range starts stays as it is.
TAKES_PART = """s.schedule_id = :schedule_id AND s.state = 'active'
    AND (s.paused_until IS NULL OR s.paused_until <= :at)
    AND (NOT :immediate OR s.quiet_until IS NULL OR s.quiet_until <= :at)"""


@dataclass(frozen=True)
class DueRun:
    """A run about to be planned: everybody on the schedule, over the positions (covered_to, head]."""

    schedule_id: int
    rhythm: Rhythm
    key: str
    local_date: date | None
    covered_to: int
    head: int

    @property
    def immediate(self) -> bool:
        return self.rhythm.frequency == "immediate"


def schedules_due(conn: Connection, now: datetime) -> list[int]:
    """The schedules whose hour has come and that no planner holds. `immediate` is here only if somebody may have
    something to read."""
    return list(
        conn.execute(
            text(
                """SELECT c.id FROM schedules c
                   WHERE c.next_due_at <= :now AND (c.frequency <> 'immediate'
                      OR c.covered_to < COALESCE((SELECT max(position) FROM change_events), 0)
                      OR EXISTS (SELECT 1 FROM subscribers s WHERE s.schedule_id = c.id AND s.state = 'active'
                                 AND (s.quiet_until IS NOT NULL OR s.paused_until IS NOT NULL)
                                 AND GREATEST(s.quiet_until, s.paused_until) <= :now))
                   ORDER BY c.id FOR KEY SHARE OF c SKIP LOCKED"""
            ),
            {"now": now},
        ).scalars()
    )


def schedules_of(conn: Connection, frequency: str) -> list[int]:
    return list(
        conn.execute(
            text("SELECT id FROM schedules WHERE frequency = :frequency ORDER BY id"),
            {"frequency": frequency},
        ).scalars()
    )


def claim_run(conn: Connection, schedule_id: int, at: datetime) -> DueRun | None:
    """Hold the schedule for this transaction and say which run is due at `at`; None if it has been planned.

    A missed run is not made up for day by day: the next one covers all positions since the last. The head is read
    once the schedule is held: a run that ended before the start of somebody who had already confirmed would have
    the next one tell them of what lies between.
    """
    schedule = conn.execute(
        text(
            "SELECT id, frequency, zone, hour, weekday, covered_to FROM schedules WHERE id = :id FOR UPDATE"
        ),
        {"id": schedule_id},
    ).one()
    rhythm = rhythm_of(schedule)
    head = head_position(conn)
    if rhythm.frequency == "immediate":
        return DueRun(schedule_id, rhythm, f"immediate/{head}", None, schedule.covered_to, head)
    day, _ = rhythm.latest_due(at)
    last = conn.execute(
        text("SELECT max(local_date) FROM runs WHERE schedule_id = :id"), {"id": schedule_id}
    ).scalar_one()
    if last is not None and last >= day:
        return None
    return DueRun(schedule_id, rhythm, rhythm.run_key(day), day, schedule.covered_to, head)


def open_run(conn: Connection, due: DueRun, at: datetime) -> int:
    """The id of the run. An immediate run is found again when people whose quiet interval ends join it.

    Where somebody who is planned for has had a digest of it that was held back, it is `immediate/812/2`: nobody has two
    of one run.
    """
    new = text(
        """INSERT INTO runs (key, schedule_id, local_date, from_position, to_position, planned_at)
           VALUES (:key, :schedule_id, :local_date, :covered_to, :head, :at) ON CONFLICT (key) DO NOTHING"""
    )
    for key in chain([due.key], (f"{due.key}/{number}" for number in count(2))):
        is_new = conn.execute(new, {**due.__dict__, "key": key, "at": at, "rhythm": None}).rowcount
        run_id: int = conn.execute(text("SELECT id FROM runs WHERE key = :key"), {"key": key}).scalar_one()
        if is_new or not due.immediate or not _has_had_it(conn, run_id):
            return run_id
    raise AssertionError("numbers do not end")


def _has_had_it(conn: Connection, run_id: int) -> bool:
    """Anybody in `planned_mail`."""
    return bool(
        conn.execute(
            text(
                """SELECT EXISTS (SELECT 1 FROM planned_mail p
                                  JOIN deliveries d ON d.subscriber_id = p.subscriber_id AND d.run_id = :run_id)"""
            ),
            {"run_id": run_id},
        ).scalar_one()
    )


def close_range(conn: Connection, due: DueRun, at: datetime, quiet_until: datetime) -> None:
    """Everybody who took part has been told up to the head: the schedule says so, and nobody else needs to.

    Whoever got an immediate mail is quiet for a while; what comes meanwhile is gathered from here on. Whoever has
    stopped since we matched is let be: their claims look at those rows, and shall not wait for us.
    """
    took_part = {
        "schedule_id": due.schedule_id,
        "immediate": due.immediate,
        "at": at,
        "head": due.head,
        "quiet_until": quiet_until,
    }
    conn.execute(
        text(
            f"""UPDATE subscribers s
                SET resume_position = NULL, partly_told = false, paused_until = NULL,
                    ledger_asked_at = CASE WHEN s.partly_told THEN :at ELSE s.ledger_asked_at END,
                    quiet_until = CASE WHEN s.quiet_until > :at THEN s.quiet_until END
                WHERE s.resume_position IS NOT NULL AND {TAKES_PART}"""
        ),
        took_part,
    )
    if due.immediate:
        conn.execute(
            text(
                """UPDATE subscribers s SET resume_position = :head, quiet_until = :quiet_until
                   FROM planned_mail p WHERE p.subscriber_id = s.id AND s.state = 'active'"""
            ),
            took_part,
        )
    conn.execute(
        text("UPDATE schedules SET covered_to = :head, next_due_at = :next_due_at WHERE id = :schedule_id"),
        {**took_part, "next_due_at": due.rhythm.next_due(at)},
    )
