"""Records in: each is compared with what is stored, and followers are told of what matters."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, text

from notifier.registry.batches import store_batch
from notifier.registry.positions import assign_positions
from notifier.registry.projection import StudyVersion, project
from notifier.registry.records import BadRecord, RawRecord, Rejection
from notifier.registry.states import Outcome

BATCH_RECORDS = 500
BATCH_BYTES = 16 << 20  # of facts; what bounds the memory if records are very large
FARTHEST_DATE = timedelta(days=366)
KEPT_REJECTIONS = 100  # the summary holds this many; `on_rejection` hears of all
ANALYZE_FROM = 1000  # written rows: after that many the planner's statistics are far from the truth

OLDER = "older than the stored version, so it was left out"

log = structlog.get_logger()

Sourced = tuple[RawRecord, StudyVersion]
Stored = tuple[list[Sourced], list[Outcome]]


@dataclass
class IntakeResult:
    """`read` = new + changed + unchanged + older + rejected.

    new: seen for the first time, of which `known` were first posted before `since` and made no event.
    changed: followers are told. unchanged: the same, or nothing but noise. older: not newer than stored.
    """

    read: int = 0
    new: int = 0
    known: int = 0
    changed: int = 0
    unchanged: int = 0
    older: int = 0
    rejected: int = 0
    rejections: list[Rejection] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def add(self, other: "IntakeResult") -> None:
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.rejections = (self.rejections + other.rejections)[:KEPT_REJECTIONS]


_COUNTS = ("read", "new", "known", "changed", "unchanged", "older", "rejected")


def take_in(
    engine: Engine,
    records: Iterable[RawRecord | Rejection],
    *,
    since: date,
    now: datetime,
    on_rejection: Callable[[Rejection], None] | None = None,
) -> IntakeResult:
    """Each batch is one transaction: whatever happens, a repeat finds what is missing and tells nothing twice.

    While the database works on one batch, the next is read.
    """
    intake = _Intake(on_rejection, now)
    with ThreadPoolExecutor(1, "intake") as writer:
        storing: Future[Stored] | None = None
        for batch in intake.batches(records):
            if storing:
                intake.count(*storing.result())
            storing = writer.submit(_store, engine, batch, since, now)
        if storing:
            intake.count(*storing.result())
    _number(engine)  # also what a process that was killed has left
    result = intake.result
    if result.new + result.changed >= ANALYZE_FROM:
        _refresh_statistics(engine)
    log.info("intake_done", **{key: value for key, value in result.as_json().items() if key != "rejections"})
    return result


class _Intake:
    """Reads, rejects and counts."""

    def __init__(self, on_rejection: Callable[[Rejection], None] | None, now: datetime) -> None:
        self.result = IntakeResult()
        self._latest = now.date() + FARTHEST_DATE
        self._on_rejection = on_rejection

    def batches(self, records: Iterable[RawRecord | Rejection]) -> Iterator[list[Sourced]]:
        batch: list[Sourced] = []
        size = 0
        for record, version in self._versions(records):
            batch.append((record, version))
            size += len(version.encoded)
            if len(batch) >= BATCH_RECORDS or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch

    def count(self, batch: list[Sourced], outcomes: list[Outcome]) -> None:
        for (record, _), outcome in zip(batch, outcomes, strict=True):
            self.result.new += outcome in (Outcome.NEW, Outcome.KNOWN)
            self.result.known += outcome is Outcome.KNOWN
            self.result.changed += outcome is Outcome.CHANGED
            self.result.unchanged += outcome is Outcome.UNCHANGED
            if outcome is Outcome.OLDER:
                self.result.older += 1
                self._tell(Rejection(record.file, record.line, OLDER))

    def _versions(self, records: Iterable[RawRecord | Rejection]) -> Iterator[Sourced]:
        for record in records:
            self.result.read += 1
            if isinstance(record, Rejection):
                self._reject(record)
                continue
            try:
                version = project(record.data)
                self._refuse_far_future(version)
            except BadRecord as bad:
                self._reject(Rejection(record.file, record.line, bad.reason))
            else:
                yield RawRecord(record.file, record.line, None), version

    def _refuse_far_future(self, version: StudyVersion) -> None:
        """One record that is dated 9999 would be newer than all of its later versions."""
        for name, day in (("lastUpdatePostDate", version.updated_on), ("versionHolder", version.data_date)):
            if day and day > self._latest:
                raise BadRecord(f"{name} is {day}, which lies more than a year ahead")

    def _reject(self, rejection: Rejection) -> None:
        self.result.rejected += 1
        self._tell(rejection)

    def _tell(self, rejection: Rejection) -> None:
        if len(self.result.rejections) < KEPT_REJECTIONS:
            self.result.rejections.append(rejection)
        if self._on_rejection:
            self._on_rejection(rejection)


def _store(engine: Engine, batch: list[Sourced], since: date, now: datetime) -> Stored:
    with engine.begin() as conn:
        stored = store_batch(conn, [version for _, version in batch], since, now)
    if stored.made_events:
        _number(engine)
    return batch, stored.outcomes


def _number(engine: Engine) -> None:
    with engine.begin() as conn:
        assign_positions(conn)


def _refresh_statistics(engine: Engine) -> None:
    with engine.begin() as conn:
        conn.execute(text("ANALYZE studies, change_events, event_targets, targets"))
