"""End everybody's subscription to a target that is withdrawn, and hold back the digests about it that have not left.

It is done as if each of them had stopped it: the rest of a digest that was held back comes with the next one, and each
may take it back for 30 days. Two thousand people at a time, so that nobody waits for long; killed in between, it
goes on where it was when it is asked for again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from notifier.conditions.normal_form import BadCondition, clean_condition, normal_form
from notifier.delivery.audit import note_action
from notifier.delivery.persisting import persist
from notifier.delivery.withdrawing import set_back
from notifier.digests.corrections import checked_reason
from notifier.errors import NotifierError
from notifier.subscriptions.audiences import refresh_audiences, touch
from notifier.subscriptions.ending import end_for_all
from notifier.subscriptions.holding import hold_people
from notifier.subscriptions.queued import withdraw_queued_of_many

PEOPLE_AT_A_TIME = 2_000
MOST_ROUNDS = 10
"""Of looking for who has come meanwhile."""


@dataclass(frozen=True)
class Withdrawn:
    """`people` whose subscription ended; of them `with_nothing_else` follow nothing any more. `held_back` digests
    wait no longer, also those that a sender had in hand when it was done before."""

    people: int
    with_nothing_else: int
    held_back: int


def study_target_id(conn: Connection, nct_id: str) -> int:
    """Raises NotifierError where nobody has ever followed it, and no study is known by it."""
    return _target_id(conn, "study", nct_id.strip().upper())


def condition_target_id(conn: Connection, words: str) -> int:
    """As `study_target_id`, for a condition however it is written."""
    try:
        return _target_id(conn, "condition", normal_form(clean_condition(words)))
    except BadCondition:
        raise NotifierError("That is no condition.", "Write its name, such as Asthma.") from None


def _target_id(conn: Connection, kind: str, key: str) -> int:
    found: int | None = conn.execute(
        text("SELECT id FROM targets WHERE kind = :kind AND key = :key"), {"kind": kind, "key": key}
    ).scalar_one_or_none()
    if found is None:
        raise NotifierError(
            f"Nobody can follow this {kind}: it is not known here.", "Check how it is written."
        )
    return found


def count_followers(conn: Connection, target_id: int) -> Withdrawn:
    """What `withdraw_target` would do now."""
    return Withdrawn(**conn.execute(text(_COUNT), {"target_id": target_id}).one()._mapping)


_QUEUED = """queued AS MATERIALIZED (
  SELECT b.id FROM batches b
  WHERE b.state IN ('planned', 'retrying') AND b.run_id IS NOT NULL AND b.mail = 'digest'
    AND EXISTS (SELECT 1 FROM edition_items i WHERE i.edition_id = b.edition_id AND i.target_id = :target_id))"""

_COUNT = f"""
WITH {_QUEUED},
followers AS MATERIALIZED (
  SELECT subscriber_id FROM subscriptions WHERE target_id = :target_id AND ended_at IS NULL)
SELECT (SELECT count(*) FROM followers) AS people,
       (SELECT count(*) FROM followers f
        WHERE NOT EXISTS (SELECT 1 FROM subscriptions o WHERE o.subscriber_id = f.subscriber_id
                          AND o.target_id <> :target_id AND o.ended_at IS NULL)) AS with_nothing_else,
       (SELECT count(*) FROM queued q JOIN deliveries d ON d.batch_id = q.id
        WHERE d.state IS NULL
          AND d.subscriber_id IN (SELECT subscriber_id FROM subscriptions WHERE target_id = :target_id
                                  AND (ended_at IS NULL OR ended_reason = 'withdrawn'))) AS held_back
"""


def withdraw_target(
    engine: Engine,
    target_id: int,
    reason: str,
    *,
    actor: str,
    note: str,
    clock: Callable[[], datetime],
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Withdrawn:
    """`reason` is read by these people, on their own page and in the export of their data. Raises NotifierError for one
    that must not stand there."""
    reason = checked_reason(reason)
    with engine.begin() as conn:
        before = count_followers(conn, target_id)
        if _open(conn, target_id, reason, clock()) or before.people or before.held_back:
            note_action(conn, "target_withdrawn", f"target {target_id}", note, actor=actor, now=clock())
    done = replace(before, people=0, held_back=0)
    for _ in range(MOST_ROUNDS):
        left = _followers(engine, target_id)
        if not left:
            break
        for first in range(0, len(left), PEOPLE_AT_A_TIME):
            chunk = left[first : first + PEOPLE_AT_A_TIME]
            ended, held_back = persist(engine, _ending(target_id, chunk, clock()))
            done = replace(done, people=done.people + ended, held_back=done.held_back + held_back)
            progress(done.people, max(before.people, done.people))
    return replace(done, held_back=done.held_back + _hold_back_rest(engine, target_id, clock))


def _hold_back_rest(engine: Engine, target_id: int, clock: Callable[[], datetime]) -> int:
    """Digests for people whose subscription had ended before: a sender had them in hand then, and gave them back."""
    with engine.connect() as conn:
        left = list(conn.execute(text(_LEFT_QUEUED), {"target_id": target_id}).scalars())
    held_back = 0
    for first in range(0, len(left), PEOPLE_AT_A_TIME):
        chunk = left[first : first + PEOPLE_AT_A_TIME]
        held_back += persist(engine, _holding_back(target_id, chunk, clock()))
    return held_back


_LEFT_QUEUED = f"""
WITH {_QUEUED}
SELECT s.id FROM queued q JOIN deliveries d ON d.batch_id = q.id JOIN subscribers s ON s.id = d.subscriber_id
WHERE d.state IS NULL
  AND s.id IN (SELECT subscriber_id FROM subscriptions WHERE target_id = :target_id AND ended_reason = 'withdrawn')
GROUP BY s.schedule_id, s.id ORDER BY s.schedule_id, s.id
"""


def _open(conn: Connection, target_id: int, reason: str, now: datetime) -> bool:
    """False if it is so already: one that was killed halfway goes on under the same row."""
    conn.execute(text("SELECT 1 FROM targets WHERE id = :id FOR NO KEY UPDATE"), {"id": target_id})
    bind = {"target_id": target_id, "reason": reason, "now": now}
    return bool(conn.execute(text(_OPEN), bind).rowcount)


# It goes on while somebody is left from before it. After it, whoever has come, taken it back or stopped it themselves
# is what the next one is for.
_OPEN = """
WITH last AS (SELECT reason, at FROM withdrawals WHERE target_id = :target_id ORDER BY at DESC, id DESC LIMIT 1),
followers AS (SELECT * FROM subscriptions WHERE target_id = :target_id AND ended_at IS NULL)
INSERT INTO withdrawals (target_id, reason, at)
SELECT :target_id, :reason, :now
WHERE NOT EXISTS (
  SELECT 1 FROM last l WHERE l.reason = :reason AND (
    EXISTS (SELECT 1 FROM followers u
            WHERE u.confirmed_at <= l.at
              AND NOT EXISTS (SELECT 1 FROM subscription_changes h
                              WHERE h.subscription_id = u.id AND h.action = 'undo' AND h.at >= l.at))
    OR NOT EXISTS (SELECT 1 FROM followers)
       AND NOT EXISTS (SELECT 1 FROM subscriptions u WHERE u.target_id = :target_id AND u.ended_at > l.at
                       AND u.ended_reason IS DISTINCT FROM 'withdrawn')))
"""


def _followers(engine: Engine, target_id: int) -> list[int]:
    """Those of one schedule together: then a planner waits for as few of our transactions as can be."""
    with engine.connect() as conn:
        find = """SELECT s.id FROM subscriptions u JOIN subscribers s ON s.id = u.subscriber_id
                  WHERE u.target_id = :target_id AND u.ended_at IS NULL ORDER BY s.schedule_id, s.id"""
        return list(conn.execute(text(find), {"target_id": target_id}).scalars())


def _ending(target_id: int, chunk: Sequence[int], now: datetime) -> Callable[[Connection], tuple[int, int]]:
    """(how many ended, how many digests were held back)"""

    def end(conn: Connection) -> tuple[int, int]:
        held = hold_people(conn, chunk)
        ended = end_for_all(conn, held, target_id, reason="withdrawn", action="withdrawn", now=now)
        touch(conn, ended)
        refresh_audiences(conn)
        whose = withdraw_queued_of_many(conn, ended, reason="changed", now=now, about=target_id)
        if whose:
            set_back(conn, whose, now)
        return len(ended), len(whose)

    return end


def _holding_back(target_id: int, chunk: Sequence[int], now: datetime) -> Callable[[Connection], int]:
    def hold_back(conn: Connection) -> int:
        held = hold_people(conn, chunk)
        find = """SELECT subscriber_id FROM subscriptions
                  WHERE target_id = :target_id AND subscriber_id = ANY(:ids) AND ended_at IS NULL"""
        back = set(conn.execute(text(find), {"target_id": target_id, "ids": held}).scalars())
        ended = [id_ for id_ in held if id_ not in back]  # not those who took it back this moment
        whose = withdraw_queued_of_many(conn, ended, reason="changed", now=now, about=target_id)
        if whose:
            set_back(conn, whose, now)
        return len(whose)

    return hold_back
