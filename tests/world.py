"""Short ways to make studies, events and people in a test's own database."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count

import orjson
from sqlalchemy import Connection, Engine, text

from notifier.conditions.normal_form import normal_form
from notifier.conditions.store import store_targets
from notifier.conditions.targets import TargetRef, study_target
from notifier.db.base import Json
from notifier.delivery.planning import PlannedRun, plan_run
from notifier.digests.runs import schedules_due, schedules_of
from notifier.registry.positions import assign_positions, head_position
from notifier.settings import Settings
from notifier.subscriptions.audiences import refresh_audiences, touch
from notifier.subscriptions.schedules import Rhythm, ensure_schedules

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
STATUS_CHANGE: Json = {"field": "overallStatus", "before": "NOT_YET_RECRUITING", "after": "RECRUITING"}


def condition(name: str) -> TargetRef:
    return TargetRef("condition", normal_form(name), name, None, 1)


@dataclass
class World:
    engine: Engine
    settings: Settings
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    def target(self, ref: TargetRef) -> int:
        with self.engine.begin() as conn:
            return store_targets(conn, [ref])[ref.kind, ref.key]

    def event(
        self, *targets: TargetRef, kind: str = "study_changed", evidence: int = 1, nct_id: str | None = None
    ) -> int:
        """A visible event; returns its position."""
        with self.engine.begin() as conn:
            self.add_event(conn, [replace(ref, evidence=evidence) for ref in targets], kind, nct_id)
        with self.engine.begin() as conn:
            return assign_positions(conn)

    def add_event(
        self,
        conn: Connection,
        targets: Iterable[TargetRef],
        kind: str = "study_changed",
        nct_id: str | None = None,
    ) -> int:
        """An event that nobody has numbered; returns its id."""
        targets = list(targets)
        nct_id = nct_id or f"NCT{next(self._numbers):08d}"
        study_id = conn.execute(
            text(
                """INSERT INTO studies (nct_id, revision, facts, facts_hash, facts_schema, baseline,
                                        first_seen_at, stored_at)
                   VALUES (:nct_id, 1, '{}', '', 1, '{}', now(), now())
                   ON CONFLICT (nct_id) DO UPDATE SET revision = studies.revision + 1 RETURNING id"""
            ),
            {"nct_id": nct_id},
        ).scalar_one()
        event_id: int = conn.execute(
            text(
                """INSERT INTO change_events (study_id, version, kind, changes, study, seen_at)
                   VALUES (:study_id, :version, :kind, CAST(:changes AS jsonb), CAST(:study AS jsonb), now())
                   RETURNING id"""
            ),
            {
                "study_id": study_id,
                "version": str(next(self._numbers)),
                "kind": kind,
                "changes": _json([STATUS_CHANGE] if kind == "study_changed" else []),
                "study": _json(snapshot(nct_id)),
            },
        ).scalar_one()
        ids = store_targets(conn, targets)
        for ref in targets:
            conn.execute(
                text("INSERT INTO event_targets VALUES (:event_id, :target_id, :evidence)"),
                {"event_id": event_id, "target_id": ids[ref.kind, ref.key], "evidence": ref.evidence},
            )
        return event_id

    def person(
        self,
        name: str,
        *targets: TargetRef,
        rhythm: Rhythm | None = None,
        reach: int = 4,
        now: datetime = NOON,
        locale: str = "en",
        titles: bool = False,
        key: bytes | None = None,
    ) -> int:
        """Somebody who confirmed just now."""
        rhythm = rhythm or Rhythm("daily", "UTC", 8)
        with self.engine.begin() as conn:
            ids = store_targets(conn, list(targets))
            head = head_position(conn)
            schedule_id = ensure_schedules(conn, {rhythm}, head=head, now=now)[rhythm]
            subscriber_id: int = conn.execute(
                text(
                    """INSERT INTO subscribers
                         (email, email_key, schedule_id, resume_position, created_at, locale, titles_in_subject)
                       VALUES (:email, :key, :schedule_id, :head, :now, :locale, :titles) RETURNING id"""
                ),
                {
                    "email": f"{name}@example.org",
                    "key": key or name.encode(),
                    "schedule_id": schedule_id,
                    "head": head,
                    "now": now,
                    "locale": locale,
                    "titles": titles,
                },
            ).scalar_one()
            _subscribe(conn, subscriber_id, list(ids.values()), reach, head, now)
            touch(conn, [subscriber_id])
            refresh_audiences(conn)
        return subscriber_id

    def run(self, frequency: str, at: datetime) -> list[PlannedRun]:
        with self.engine.connect() as conn:
            schedules = schedules_of(conn, frequency)
        plans = [plan_run(self.engine, id_, at=at, now=at, settings=self.settings) for id_ in schedules]
        return [plan for plan in plans if plan]

    def tick(self, now: datetime) -> list[PlannedRun]:
        """What the scheduler does again and again: number what is new, plan what is due."""
        with self.engine.begin() as conn:
            assign_positions(conn)
            due = schedules_due(conn, now)
        plans = [plan_run(self.engine, id_, at=now, now=now, settings=self.settings) for id_ in due]
        return [plan for plan in plans if plan]

    def told(self) -> dict[int, list[int]]:
        """{subscriber: positions of the events that their deliveries hold, in order}."""
        with self.engine.connect() as conn:
            rows = conn.execute(
                text(
                    """SELECT d.subscriber_id, e.position FROM deliveries d JOIN batches b ON b.id = d.batch_id
                       JOIN (SELECT DISTINCT edition_id, event_id FROM edition_items) i ON i.edition_id = b.edition_id
                       JOIN change_events e ON e.id = i.event_id ORDER BY d.subscriber_id, e.position"""
                )
            ).all()
        told: dict[int, list[int]] = {}
        for row in rows:
            told.setdefault(row.subscriber_id, []).append(row.position)
        return told


def _subscribe(
    conn: Connection, subscriber_id: int, target_ids: list[int], reach: int, head: int, now: datetime
) -> None:
    for target_id in target_ids:
        conn.execute(
            text(
                """INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
                   VALUES (:id, :target_id, :reach, :head, :now, 'test')"""
            ),
            {"id": subscriber_id, "target_id": target_id, "reach": reach, "head": head, "now": now},
        )


def days(number: int) -> timedelta:
    return timedelta(days=number)


def snapshot(nct_id: str) -> Json:
    return {
        "nctId": nct_id,
        "briefTitle": "A made-up study of a made-up tablet",
        "overallStatus": "RECRUITING",
        "whyStopped": None,
        "phases": ["PHASE2"],
        "studyType": "INTERVENTIONAL",
        "conditions": ["Asthma"],
        "locationCount": 3,
        "locationsByCountry": [["France", 2], ["Italy", 1]],
        "enrollment": {"count": 60, "type": "ESTIMATED"},
        "briefSummary": "This made-up study tests a tablet.",
        "firstPosted": "2026-01-05",
        "lastUpdatePosted": "2026-11-20",
        "firstSeen": "2026-01-06",
        "hasResults": False,
    }


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


__all__ = ["NOON", "World", "condition", "days", "snapshot", "study_target"]
