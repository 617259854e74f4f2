"""Stopping one thing, and undoing a stop, exactly: what was told is not told again, what was not told comes.

What a digest would have told that was held back counts as not told. The person's range goes back to before it, and
planners ask the ledger what else in that range they have been told (`partly_told`).

Whoever undoes holds the person, so that no run is being planned for them; and a claim that skips somebody who has
stopped looks under their lock. So each queued digest is either skipped before the undo, and seen here, or sent.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy import Connection, text

from notifier.subscriptions.audiences import refresh_audiences, touch
from notifier.subscriptions.ending import FOR_GOOD, UNDO_PERIOD, end_subscription, reopen_subscriptions
from notifier.subscriptions.former_ids import same_study
from notifier.subscriptions.holding import Person, hold_person, id_of, public_id_of
from notifier.subscriptions.journal import note_back
from notifier.subscriptions.queued import withdraw_queued
from notifier.subscriptions.stopping import StopResult
from notifier.subscriptions.trail import note_change

UndoResult = Literal["undone", "nothing", "too_late", "new_consent_needed"]


def stop_one(conn: Connection, public_id: UUID, target_id: int, *, via: str, now: datetime) -> StopResult:
    """End one subscription; of a study under each id that it has or had. A queued digest that has it in it is held
    back; the rest of it comes with the next one."""
    try:
        person = hold_person(conn, id_of(conn, public_id))
    except LookupError:
        return "unknown"
    targets = same_study(conn, target_id)
    ended = [one for each in targets for one in end_subscription(conn, person.id, each, reason=via, now=now)]
    if not ended:
        return "already"
    _refresh(conn, person)
    for each in targets:
        if withdraw_queued(conn, [person.id], reason="changed", now=now, about=each):
            set_back(conn, [person.id], now)
    note_change(conn, person.id, "stop", via=via, now=now, subscription_ids=ended)
    return "stopped"


def undo_all(conn: Connection, public_id: UUID, *, via: str, now: datetime) -> UndoResult:
    """Bring back all that the last "stop everything" ended, but for what an operator has withdrawn since. Raises
    LookupError for people who are gone."""
    person = hold_person(conn, id_of(conn, public_id))
    if person.state != "stopped":
        return "nothing"
    find = """SELECT DISTINCT ON (target_id) id, ended_at, ended_reason FROM subscriptions b
              WHERE subscriber_id = :id AND ended_at = :stopped_at
                AND NOT EXISTS (SELECT 1 FROM withdrawals w WHERE w.target_id = b.target_id AND w.at >= b.ended_at)
              ORDER BY target_id, id DESC"""
    return _undo(conn, person, find, {"stopped_at": person.stopped_at}, via, now)


def undo_one(
    conn: Connection, public_id: UUID, subscription_id: UUID, *, via: str, now: datetime
) -> UndoResult:
    """Bring back one subscription, even where everything was stopped. Raises LookupError for people who are gone."""
    person = hold_person(conn, id_of(conn, public_id))
    find = """SELECT id, ended_at, ended_reason FROM subscriptions b
              WHERE subscriber_id = :id AND public_id = :subscription AND ended_at IS NOT NULL
                AND NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = b.subscriber_id
                                AND o.target_id = b.target_id AND o.ended_at IS NULL)"""
    return _undo(conn, person, find, {"subscription": subscription_id}, via, now)


def _undo(
    conn: Connection, person: Person, find: str, bind: dict[str, object], via: str, now: datetime
) -> UndoResult:
    ended = conn.execute(text(find), {"id": person.id, **bind}).all()
    if not ended:
        return "nothing"
    if _is_barred(conn, person) or any(row.ended_reason in FOR_GOOD for row in ended):
        return "new_consent_needed"
    if any(row.ended_at < now - UNDO_PERIOD for row in ended):
        return "too_late"
    ids = [row.id for row in ended]
    reopen_subscriptions(conn, person.id, ids)
    if person.state == "stopped":
        _withhold_others(conn, person, now)
    _refresh(conn, person)
    set_back(conn, [person.id], now)
    note_change(conn, person.id, "undo", via=via, now=now, subscription_ids=ids)
    if person.state == "stopped":
        note_back(public_id_of(conn, person.id))
    return "undone"


def _is_barred(conn: Connection, person: Person) -> bool:
    return bool(
        conn.execute(
            text(
                """SELECT 1 FROM subscribers s JOIN suppressions p USING (email_key)
                   WHERE s.id = :id AND p.reason = ANY(:for_good)"""
            ),
            {"id": person.id, "for_good": list(FOR_GOOD)},
        ).all()
    )


def _withhold_others(conn: Connection, person: Person, now: datetime) -> None:
    """What was queued when they stopped goes out after all, but nothing about what stays stopped."""
    stopped = conn.execute(
        text(
            """SELECT DISTINCT target_id FROM subscriptions b
               WHERE subscriber_id = :id AND ended_at >= :stopped_at
                 AND NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = b.subscriber_id
                                 AND o.target_id = b.target_id AND o.ended_at IS NULL)"""
        ),
        {"id": person.id, "stopped_at": person.stopped_at},
    ).scalars()
    for target_id in list(stopped):
        withdraw_queued(conn, [person.id], reason="changed", now=now, about=target_id)


def _refresh(conn: Connection, person: Person) -> None:
    touch(conn, [person.id])
    refresh_audiences(conn)


def set_back(conn: Connection, subscriber_ids: Sequence[int], now: datetime) -> None:
    """The range of each begins before the first event that was held back, is followed, and was not told elsewise. For
    `immediate` the next digest is due now, or when the quiet time ends."""
    conn.execute(text(_SET_BACK), {"ids": list(subscriber_ids), "now": now})


_SET_BACK = """
WITH items AS MATERIALIZED (
  SELECT d.subscriber_id, COALESCE(d.state = 'skipped' AND d.reason IN ('stopped', 'changed'), false) AS held_back,
         i.event_id, i.target_id
  FROM deliveries d JOIN batches b ON b.id = d.batch_id JOIN edition_items i ON i.edition_id = b.edition_id
  WHERE d.subscriber_id = ANY(:ids)),
missed AS (
  SELECT i.subscriber_id, min(e.position) AS first
  FROM items i JOIN change_events e ON e.id = i.event_id
  JOIN subscriptions b ON b.subscriber_id = i.subscriber_id AND b.target_id = i.target_id AND b.ended_at IS NULL
                      AND e.position > b.start_position
  WHERE i.held_back AND NOT EXISTS (SELECT 1 FROM items o WHERE o.subscriber_id = i.subscriber_id
                                    AND o.event_id = i.event_id AND NOT o.held_back)
  GROUP BY i.subscriber_id)
UPDATE subscribers s
SET resume_position = LEAST(COALESCE(s.resume_position, c.covered_to), m.first - 1), partly_told = true,
    quiet_until = CASE WHEN c.frequency = 'immediate' THEN GREATEST(s.quiet_until, :now) ELSE s.quiet_until END
FROM subscribers p LEFT JOIN missed m ON m.subscriber_id = p.id, schedules c
WHERE p.id = ANY(:ids) AND s.id = p.id AND c.id = s.schedule_id
"""
