"""People who have already consented, in bulk: checked line by line, stored set by set."""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, text

from notifier.conditions.normal_form import normal_form
from notifier.conditions.store import store_targets
from notifier.conditions.targets import TargetRef, study_target
from notifier.errors import NotifierError
from notifier.links.keys import email_key
from notifier.registry.positions import head_position
from notifier.settings import Settings
from notifier.subscriptions import staging
from notifier.subscriptions.audiences import refresh_audiences
from notifier.subscriptions.rows import Consent, Rejected, read_consents
from notifier.subscriptions.schedules import Rhythm, ensure_schedules

CHUNK_LINES = 200_000  # one transaction each: bounded memory, and what is done stays done
KEPT_REJECTIONS = 1_000


@dataclass
class ImportResult:
    """`subscribers` and `subscriptions` count what was added; `existing` the wishes that stood already."""

    read: int = 0
    subscribers: int = 0
    subscriptions: int = 0
    existing: int = 0
    rejected: int = 0
    rejections: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, rejection: Rejected) -> None:
        self.rejected += 1
        if len(self.rejections) < KEPT_REJECTIONS:
            self.rejections.append({name: getattr(rejection, name) for name in ("line", "field", "reason")})

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def import_subscribers(
    engine: Engine,
    path: Path,
    *,
    settings: Settings,
    keys: list[str],
    now: datetime,
    on_progress: Callable[[int], None] = lambda lines: None,
) -> ImportResult:
    """Add the people of a CSV file. Repeating it adds nothing.

    A person who stopped comes back only with a consent that is newer than their stopping; a suppressed
    address never does. New subscriptions start at the head position: nobody is told of the past.
    """
    result = ImportResult()
    lines = iter(read_consents(path, now))
    while chunk := list(islice(lines, CHUNK_LINES)):
        result.read += len(chunk)
        consents = [line for line in chunk if isinstance(line, Consent)]
        for line in chunk:
            if isinstance(line, Rejected):
                result.reject(line)
        with engine.connect() as conn:
            _store(conn, consents, settings, keys, now, result)
        on_progress(result.read)
    result.rejections.sort(key=lambda rejection: rejection["line"])
    return result


def _store(
    conn: Connection,
    consents: list[Consent],
    settings: Settings,
    keys: list[str],
    now: datetime,
    result: ImportResult,
) -> None:
    """What nobody is told of is stored first, targets and audiences; then the people, all of them or none."""
    with conn.begin():
        targets = store_targets(conn, _target_refs(consents))
        rhythms = {_rhythm(consent, settings) for consent in consents}
        schedules = ensure_schedules(conn, rhythms, head=head_position(conn), now=now)
        staging.prepare(conn, _staged(consents, settings, keys, targets, schedules))
    with conn.begin():
        _store_people(conn, set(schedules.values()), now, result)
        staging.clear(conn)
    if len(consents) > 10_000:
        with conn.begin():
            conn.execute(text("ANALYZE subscribers, subscriptions, audiences, audience_targets"))


def _store_people(conn: Connection, schedule_ids: set[int], now: datetime, result: ImportResult) -> None:
    if not staging.hold_targets(conn):
        raise NotifierError(
            "Somebody was erased meanwhile who alone had asked for one of these conditions.",
            "Import the file again; what is in already is left alone.",
        )
    taken = staging.take_people(conn, schedule_ids, now)
    for line, reason in taken.refused:
        result.reject(Rejected(line, "email", reason))
    result.subscribers += taken.added
    staging.move_people(conn, taken.head, now)
    added, existing = staging.add_subscriptions(conn, taken.head)
    result.subscriptions += added
    result.existing += existing
    refresh_audiences(conn)


def _target_refs(consents: Iterable[Consent]) -> list[TargetRef]:
    studies = {consent.study for consent in consents if consent.study}
    conditions = {
        normal_form(consent.condition): consent.condition for consent in consents if consent.condition
    }
    return [study_target(nct_id) for nct_id in sorted(studies)] + [
        TargetRef("condition", key, label, None, 1) for key, label in sorted(conditions.items())
    ]


def _rhythm(consent: Consent, settings: Settings) -> Rhythm:
    return Rhythm.of(
        consent.frequency or "daily", consent.zone or "UTC", settings.digest_hour, settings.digest_weekday
    )


def _staged(
    consents: list[Consent],
    settings: Settings,
    keys: list[str],
    targets: dict[tuple[str, str], int],
    schedules: dict[Rhythm, int],
) -> Iterable[staging.StagedRow]:
    for consent in consents:
        key = email_key(keys, consent.email)
        schedule_id = schedules[_rhythm(consent, settings)]
        chosen = bool(consent.frequency or consent.zone)
        for kind, name in (("study", consent.study), ("condition", consent.condition)):
            if name:
                target_id = targets[kind, name if kind == "study" else normal_form(name)]
                yield (consent.line, consent.email, key, target_id, schedule_id, chosen, consent.confirmed_at)
