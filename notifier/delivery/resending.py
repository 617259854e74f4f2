"""Send what failed in a run once more: person by person, also where a whole call failed or a single one in it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from notifier.delivery.audit import note_action
from notifier.delivery.deciding import retry_batches
from notifier.delivery.history import note_decision
from notifier.delivery.listing import run_of
from notifier.delivery.unwanted import LEFT_BY_US
from notifier.delivery.withdrawing import set_back
from notifier.subscriptions.holding import hold_people


@dataclass(frozen=True)
class Resent:
    """`people` are sent the mail once more. `left` are those who are not, by why: erased, suppressed, stopped, changed
    (they have stopped something that the mail is about, or asked for it anew after it happened: the rest comes with
    their next one), or arrived (the provider has spoken of their mail, so it was taken after all)."""

    people: int
    editions: int
    left: dict[str, int]


def count_failed(conn: Connection, run: str, *, bounced: bool) -> Resent:
    """What `resend_failed` would do now. Raises NotifierError if there is no such run."""
    return _chosen(conn, run_of(conn, run), bounced)


def resend_failed(
    conn: Connection, run: str, *, bounced: bool, actor: str, note: str, now: datetime
) -> Resent:
    """Whoever this mail failed for gets it with fresh attempts; with `bounced`, those whom it came back from too. A
    claim looks once more at who must not be mailed. Raises NotifierError if there is no such run; wake "send" after
    the commit."""
    run_id = run_of(conn, run)
    # One operator at a time, and nobody else decides about these batches meanwhile.
    conn.execute(text("SELECT 1 FROM runs WHERE id = :id FOR NO KEY UPDATE"), {"id": run_id}).all()
    hold = "SELECT id FROM batches WHERE run_id = :id AND state = 'failed' ORDER BY id FOR UPDATE"
    conn.execute(text(hold), {"id": run_id}).all()
    chosen = _chosen(conn, run_id, bounced)
    if chosen.people:
        action_id = note_action(conn, "run_resent", run, note, actor=actor, now=now)
        whole = retry_batches(conn, list(conn.execute(text(_WHOLE)).scalars()), now=now)
        conn.execute(text(_WITHOUT), {"ids": whole})
        note_decision(conn, whole + _move(conn, now), "retried", action_id, now=now)
        _hold_back_changed(conn, now)
    return chosen


def _chosen(conn: Connection, run_id: int, bounced: bool) -> Resent:
    """All who are in question stand in the temporary table `resent`, with why not where they are left out."""
    conn.execute(text("DROP TABLE IF EXISTS resent, moved"))
    alone = "('failed', 'bounced')" if bounced else "('failed')"
    conn.execute(text(_IN_QUESTION.format(alone=alone)), {"run_id": run_id})
    conn.execute(text("ANALYZE resent"))
    rows = conn.execute(
        text("SELECT why_not, count(*) AS people FROM resent GROUP BY why_not ORDER BY why_not")
    )
    counts = {row.why_not: row.people for row in rows}
    editions = conn.execute(text("SELECT count(DISTINCT edition_id) FROM resent WHERE why_not IS NULL"))
    return Resent(counts.pop(None, 0), editions.scalar_one(), counts)


# The states as words, so that their partial indexes are found.
_IN_QUESTION = f"""
CREATE TEMP TABLE resent ON COMMIT DROP AS
SELECT d.id AS delivery_id, d.batch_id, b.edition_id, d.state, d.state_at, d.reason,
       CASE WHEN s.id IS NULL THEN 'erased'
            WHEN p.email_key IS NOT NULL THEN 'suppressed'
            WHEN s.state <> 'active' OR s.audience_id IS NULL AND NOT {LEFT_BY_US} THEN 'stopped'
            WHEN d.state IS DISTINCT FROM 'bounced'
                 AND EXISTS (SELECT 1 FROM feedback_events f WHERE f.delivery_id = d.id) THEN 'arrived'
            WHEN EXISTS (SELECT 1 FROM edition_items i
                         JOIN subscriptions u ON u.subscriber_id = s.id AND u.target_id = i.target_id
                         LEFT JOIN change_events e ON e.id = i.event_id
                         WHERE i.edition_id = b.edition_id GROUP BY i.target_id, i.event_id
                         HAVING bool_and(u.ended_at IS NOT NULL OR u.start_position >= e.position))
                 THEN 'changed' END AS why_not
FROM (SELECT d.id FROM batches b JOIN deliveries d ON d.batch_id = b.id
      WHERE b.run_id = :run_id AND b.state = 'failed' AND d.state IS NULL
      UNION ALL
      SELECT d.id FROM batches b JOIN deliveries d ON d.batch_id = b.id
      WHERE b.run_id = :run_id AND b.state IN ('accepted', 'unknown', 'failed', 'dropped')
        AND d.state IN {{alone}}) q
JOIN deliveries d USING (id) JOIN batches b ON b.id = d.batch_id
LEFT JOIN subscribers s ON s.id = d.subscriber_id LEFT JOIN suppressions p ON p.email_key = s.email_key
"""

# Nobody in them is left out, so that the batch can go as it is.
_WHOLE = "SELECT batch_id FROM resent WHERE state IS NULL GROUP BY batch_id HAVING bool_and(why_not IS NULL)"

# As bigint they are hashed; as what numbers of their size come in, each row is compared with all of them.
_WITHOUT = "DELETE FROM resent WHERE state IS NULL AND batch_id = ANY(CAST(:ids AS bigint[]))"


def _move(conn: Connection, now: datetime) -> list[int]:
    """The others leave the batch that they were in for one of their own; the new batches."""
    for statement in (_MOVED, _NEW_BATCHES, _SHRINK, _HISTORY, _MOVE):
        conn.execute(text(statement), {"now": now})
    return list(conn.execute(text("SELECT batch_id FROM moved ORDER BY batch_id")).scalars())


def _hold_back_changed(conn: Connection, now: datetime) -> None:
    """What else the mail told comes with their next one, as where it is held back before it is sent."""
    changed = (
        "SELECT d.subscriber_id FROM resent r JOIN deliveries d ON d.id = r.delivery_id WHERE " + _HELD_BACK
    )
    held = hold_people(conn, list(conn.execute(text(changed)).scalars()))
    if held:
        conn.execute(text(_HOLD_BACK), {"ids": held, "now": now})
        set_back(conn, held, now)


# What came back was sent.
_HELD_BACK = "r.why_not = 'changed' AND r.state IS DISTINCT FROM 'bounced'"
_HOLD_BACK = f"""
UPDATE deliveries d SET state = 'skipped', reason = 'changed', state_at = :now
FROM resent r WHERE r.delivery_id = d.id AND {_HELD_BACK} AND d.subscriber_id = ANY(CAST(:ids AS bigint[]))
"""

_MOVED = """
CREATE TEMP TABLE moved ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('batches', 'id')) AS batch_id, origin, size
FROM (SELECT batch_id AS origin, count(*) AS size FROM resent WHERE why_not IS NULL GROUP BY 1 ORDER BY 1) x
"""

_NEW_BATCHES = """
INSERT INTO batches (id, mail, run_id, edition_id, size, next_attempt_at, created_at)
OVERRIDING SYSTEM VALUE
SELECT m.batch_id, b.mail, b.run_id, b.edition_id, m.size, :now, :now FROM moved m JOIN batches b ON b.id = m.origin
"""

_SHRINK = "UPDATE batches b SET size = b.size - m.size FROM moved m WHERE b.id = m.origin"

_HISTORY = """
INSERT INTO batch_history (batch_id, at, what, attempt, reason, action_id)
SELECT m.batch_id, h.at, h.what, h.attempt, h.reason, h.action_id
FROM moved m JOIN (
  SELECT batch_id, id, at, what, attempt, reason, action_id FROM batch_history
  UNION ALL
  SELECT DISTINCT ON (batch_id, state, reason) batch_id, NULL, COALESCE(state_at, :now), state, NULL, reason, NULL
  FROM resent WHERE state IS NOT NULL AND why_not IS NULL) h ON h.batch_id = m.origin
ORDER BY m.batch_id, h.at, h.id
"""

_MOVE = """
UPDATE deliveries d SET batch_id = m.batch_id, state = NULL, reason = NULL, state_at = NULL
FROM resent r JOIN moved m ON m.origin = r.batch_id WHERE d.id = r.delivery_id AND r.why_not IS NULL
"""
