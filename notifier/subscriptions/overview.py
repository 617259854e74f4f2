"""All that one person follows, as their own page shows it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from notifier.registry.statuses import FINAL_STATUSES
from notifier.subscriptions.after_the_end import conditions_to_offer
from notifier.subscriptions.ending import FOR_GOOD, UNDO_PERIOD, WHY_WITHDRAWN
from notifier.subscriptions.former_ids import PRESENT_ID
from notifier.subscriptions.wishes import LABEL


@dataclass(frozen=True, slots=True)
class Followed:
    """`label` is for people. `why`: an operator ended it, in their words. `can_undo`: it ended, and one button brings
    it back. `is_over`: the study itself has ended; `offers` are conditions of it that may be followed instead."""

    public_id: UUID
    target_id: int
    kind: str
    label: str
    nct_id: str | None
    reach: int
    since: datetime
    ended_at: datetime | None
    why: str | None
    can_undo: bool
    is_over: bool
    offers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """`paused_until` is None where no pause is on. `suppression` is why the address gets no digest, if so."""

    public_id: UUID
    subscriber_id: int
    email: str
    locale: str
    state: str
    frequency: str
    zone: str
    hour: int
    weekday: int
    titles_in_subject: bool
    paused_until: datetime | None
    stopped_at: datetime | None
    suppression: str | None
    subscriptions: tuple[Followed, ...]

    @property
    def active(self) -> tuple[Followed, ...]:
        return tuple(followed for followed in self.subscriptions if followed.ended_at is None)


def overview(conn: Connection, public_id: UUID, *, now: datetime) -> Overview | None:
    """What stands first, then what ended in the last 30 days; each target once."""
    person = conn.execute(text(_PERSON), {"public_id": public_id, "now": now}).one_or_none()
    if person is None:
        return None
    rows = conn.execute(text(_FOLLOWED), {"id": person.subscriber_id, "since": now - UNDO_PERIOD}).all()
    conditions = {row.key for row in rows if row.kind == "condition" and row.ended_at is None}
    return Overview(
        **person._mapping,
        subscriptions=tuple(_followed(row, person.suppression, conditions) for row in rows),
    )


_PERSON = """
SELECT s.public_id, s.id AS subscriber_id, s.email, s.locale, s.state, c.frequency, c.zone, c.hour, c.weekday,
       s.titles_in_subject, CASE WHEN s.paused_until > :now THEN s.paused_until END AS paused_until, s.stopped_at,
       (SELECT p.reason FROM suppressions p WHERE p.email_key = s.email_key) AS suppression
FROM subscribers s JOIN schedules c ON c.id = s.schedule_id WHERE s.public_id = :public_id AND s.email <> ''
"""

_FOLLOWED = f"""
SELECT * FROM (
  SELECT DISTINCT ON (b.target_id) b.public_id, b.target_id, t.kind, t.key, {LABEL} AS label,
         b.reach, b.confirmed_at AS since, b.ended_at, b.ended_reason, {WHY_WITHDRAWN} AS why,
         st.facts ->> 'overallStatus' AS status, st.facts -> 'conditions' AS conditions
  FROM subscriptions b JOIN targets t ON t.id = b.target_id
  LEFT JOIN studies st ON t.kind = 'study' AND st.nct_id = {PRESENT_ID}
  WHERE b.subscriber_id = :id AND (b.ended_at IS NULL OR b.ended_at > :since)
  ORDER BY b.target_id, b.ended_at DESC NULLS FIRST) x
ORDER BY ended_at DESC NULLS FIRST, kind DESC, label
"""


def _followed(row: Row[Any], suppression: str | None, conditions: Collection[str]) -> Followed:
    """`conditions`: the keys of those that are followed."""
    for_good = {row.ended_reason, suppression} & set(FOR_GOOD)
    is_over = row.ended_at is None and row.status in FINAL_STATUSES
    return Followed(
        public_id=row.public_id,
        target_id=row.target_id,
        kind=row.kind,
        label=row.label,
        nct_id=row.key if row.kind == "study" else None,
        reach=row.reach,
        since=row.since,
        ended_at=row.ended_at,
        why=row.why,
        can_undo=row.ended_at is not None and not for_good,
        is_over=is_over,
        offers=conditions_to_offer(row.conditions or [], conditions) if is_over else (),
    )
