"""Who has stopped something that their digest tells of while a sender had it in hand, or it was in doubt.

Whoever stops one thing has what is queued held back at once (subscriptions/queued.py), but waits for no sender. So what
was tried or parked before is looked at once more when it is claimed: it is held back as if it had been queued then, and
the rest of it comes with the next one. That moves the person's range, so they and their schedule are held; nobody is
waited for: where somebody else has them just now, the batch waits a moment.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, text

from notifier.delivery.withdrawing import set_back

A_MOMENT = timedelta(seconds=5)  # a large run holds its schedule for longer, and is then asked again


def hold_back_changed(conn: Connection, batch_ids: Collection[int], now: datetime) -> set[int]:
    """The batches, of these that are claimed, that must wait; they are given back."""
    changed = _changed(conn, batch_ids)
    if not changed:
        return set()
    held = _held_if_free(conn, {row.subscriber_id for row in changed})
    busy = {row.batch_id for row in changed if row.subscriber_id not in held}
    if busy:
        conn.execute(text(_GIVE_BACK), {"ids": list(busy), "later": now + A_MOMENT})
    # Once more, as somebody may have taken it back before they were held.
    hold_back = [row for row in _changed(conn, set(batch_ids) - busy) if row.subscriber_id in held]
    if hold_back:
        conn.execute(text(_SKIP), {"ids": [row.id for row in hold_back], "now": now})
        set_back(conn, sorted({row.subscriber_id for row in hold_back}), now)
    return busy


def _changed(conn: Connection, batch_ids: Collection[int]) -> list[Row[Any]]:
    return list(conn.execute(text(_CHANGED), {"ids": list(batch_ids)}) if batch_ids else ())


# Person by person, each by the index of theirs: some things are followed by half of all people. A new consent is for
# what comes after it.
_CHANGED = """
WITH waiting AS MATERIALIZED (
  SELECT d.id, d.batch_id, d.subscriber_id, b.edition_id FROM batches b JOIN deliveries d ON d.batch_id = b.id
  WHERE b.id = ANY(:ids) AND b.mail = 'digest' AND d.state IS NULL)
SELECT w.id, w.batch_id, w.subscriber_id FROM waiting w
WHERE EXISTS (
  SELECT 1
  FROM (SELECT u.target_id, min(u.start_position) FILTER (WHERE u.ended_at IS NULL) AS began
        FROM subscriptions u WHERE u.subscriber_id = w.subscriber_id
        GROUP BY u.target_id HAVING bool_or(u.ended_at IS NOT NULL)) mine
  JOIN edition_items i ON i.edition_id = w.edition_id AND i.target_id = mine.target_id
  JOIN change_events e ON e.id = i.event_id
  WHERE mine.began IS NULL OR mine.began >= e.position)
"""


def _held_if_free(conn: Connection, subscriber_ids: Collection[int]) -> set[int]:
    """As `hold_people`, without waiting for anybody."""
    bind = {"ids": list(subscriber_ids)}
    schedules = list(conn.execute(text(_SCHEDULES), bind).scalars())
    return set(conn.execute(text(_PEOPLE), {**bind, "schedules": schedules}).scalars())


_SCHEDULES = """
SELECT id FROM schedules WHERE id IN (SELECT schedule_id FROM subscribers WHERE id = ANY(CAST(:ids AS bigint[])))
ORDER BY id FOR SHARE SKIP LOCKED
"""

_PEOPLE = """
SELECT id FROM subscribers WHERE id = ANY(CAST(:ids AS bigint[])) AND schedule_id = ANY(:schedules)
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""

_SKIP = "UPDATE deliveries SET state = 'skipped', reason = 'changed', state_at = :now WHERE id = ANY(:ids)"

_GIVE_BACK = """
UPDATE batches SET state = 'retrying', attempts = attempts - 1, lease_until = NULL, next_attempt_at = :later
WHERE id = ANY(:ids)
"""
