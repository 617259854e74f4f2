"""A study's next state: what a new version of its record does to what is stored."""

from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum

from notifier.conditions.targets import TargetRef, condition_targets, study_target
from notifier.db.base import Json
from notifier.registry.comparison import compare, next_baseline, told_facts
from notifier.registry.projection import FACTS_SCHEMA, StudyVersion, digest, encode
from notifier.registry.snapshot import snapshot


class Outcome(Enum):
    NEW = "new"
    KNOWN = "known"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class StudyState:
    """A row of `studies`. `facts` and `baseline` are loaded where they are needed."""

    nct_id: str
    id: int | None
    revision: int
    digest: bytes
    schema: int
    updated_on: date | None
    data_date: date | None
    first_posted_on: date | None
    first_seen_at: datetime
    facts: Json | None = None
    encoded: bytes | None = None
    baseline: Json | None = None


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A row of `change_events` to be, and who is to hear of it."""

    nct_id: str
    version: str
    kind: str
    changes: list[Json]
    study: Json
    occurred_on: date | None
    targets: list[TargetRef]


Step = tuple[Outcome, StudyState, NewEvent | None]


def differs(state: StudyState, version: StudyVersion) -> bool:
    """Whether the stored facts are needed. A partial record does not show by its digest."""
    return version.is_partial or version.digest != state.digest or state.schema != FACTS_SCHEMA


def first_state(version: StudyVersion, since: date, now: datetime) -> Step:
    """A study first posted before `since`, or at an unknown date, is known: it is no news to anybody."""
    state = StudyState(
        nct_id=version.nct_id,
        id=None,
        revision=1,
        digest=version.digest,
        schema=FACTS_SCHEMA,
        updated_on=version.updated_on,
        data_date=version.data_date,
        first_posted_on=version.first_posted_on,
        first_seen_at=now,
        facts=version.facts,
        encoded=version.encoded,
        baseline={},
    )
    if version.first_posted_on is None or version.first_posted_on < since:
        return Outcome.KNOWN, state, None
    targets = conditions_of(version.facts)
    return Outcome.NEW, state, _event(state, "new_study", [], version.first_posted_on, targets)


def next_state(state: StudyState, version: StudyVersion) -> Step:
    if not differs(state, version):
        return Outcome.UNCHANGED, _dated(state, version), None
    if _is_older(state, version):
        return Outcome.OLDER, state, None
    assert state.facts is not None
    assert state.baseline is not None
    facts, encoded = version.facts, version.encoded
    if version.is_partial:
        facts = state.facts | facts
        encoded = encode(facts)
    if digest(encoded) == state.digest and state.schema == FACTS_SCHEMA:
        return Outcome.UNCHANGED, _dated(state, version), None
    told = told_facts(state.facts, state.baseline)
    changes = compare(told, facts)
    following = replace(
        _dated(state, version),
        revision=state.revision + 1,
        digest=digest(encoded),
        schema=FACTS_SCHEMA,
        facts=facts,
        encoded=encoded,
        baseline=next_baseline(told, facts, changes),
    )
    if not changes:
        return Outcome.UNCHANGED, following, None
    posted = following.updated_on if following.updated_on != state.updated_on else following.data_date
    targets = [*studies_of(state.nct_id, facts), *_gained(told, facts, changes)]
    return Outcome.CHANGED, following, _event(following, "study_changed", changes, posted, targets)


def _is_older(state: StudyState, version: StudyVersion) -> bool:
    """By the posting date of the update; where it is the same, by the day the data were taken."""
    if state.updated_on and version.updated_on and state.updated_on != version.updated_on:
        return version.updated_on < state.updated_on
    return bool(state.data_date and version.data_date and version.data_date < state.data_date)


def _dated(state: StudyState, version: StudyVersion) -> StudyState:
    """With the dates of the version; what was seen on a later day stays seen."""
    data_dates = [day for day in (state.data_date, version.data_date) if day]
    return replace(
        state,
        updated_on=version.updated_on or state.updated_on,
        data_date=max(data_dates, default=None),
        first_posted_on=version.first_posted_on or state.first_posted_on,
    )


def _event(
    state: StudyState, kind: str, changes: list[Json], posted: date | None, targets: list[TargetRef]
) -> NewEvent:
    assert state.facts is not None
    return NewEvent(
        nct_id=state.nct_id,
        version=f"{state.updated_on or state.data_date or 'undated'}/{state.revision}",
        kind=kind,
        changes=changes,
        study=snapshot(state.nct_id, state.facts, state.first_seen_at.date()),
        occurred_on=posted,
        targets=targets,
    )


def _gained(told: Json, facts: Json, changes: list[Json]) -> list[TargetRef]:
    """Conditions that the study did not have. Only the registrant's own change counts.

    MeSH headings come and go with the registry's yearly indexing, which is no news of the study.
    """
    if all(change["field"] != "conditions" for change in changes):
        return []
    had = {target.key for target in conditions_of(told)}
    return [target for target in conditions_of(facts) if target.key not in had]


def studies_of(nct_id: str, facts: Json) -> list[TargetRef]:
    """Under each id that it has or had: two registrations are made one, and people follow either."""
    return [study_target(one) for one in dict.fromkeys([nct_id, *(facts.get("aliases") or [])])]


def conditions_of(facts: Json) -> list[TargetRef]:
    names = ("conditions", "keywords", "meshes", "ancestors")
    conditions, keywords, meshes, ancestors = (facts.get(name) or [] for name in names)
    return condition_targets(conditions, keywords, meshes, ancestors)
