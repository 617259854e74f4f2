"""The verdict: from the provider's own record of what it accepted, against the world. Our ledger is not asked,
but for what it says is still open."""

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Engine, text

from tests.faults.letters import Letters, kind_of
from tests.faults.world import HARSH_FATES, World

NCT_ID = re.compile(r"NCT\d{8}")
LATE_SECONDS = 15  # what was claimed before somebody left may still be on its way for so long

Pair = tuple[str, str]  # (address, study)


@dataclass
class Verdict:
    missed: list[Pair] = field(default_factory=list)
    twice: list[Any] = field(default_factory=list)
    wrong: list[Pair] = field(default_factory=list)  # told of what they did not ask for, or after they left
    open: dict[str, int] = field(default_factory=dict)  # deliveries without a final state
    doubted: int = 0  # batches that wait for an operator
    letters: Letters = field(default_factory=Letters)

    @property
    def people_missed(self) -> int:
        return len({email for email, _ in self.missed})

    @property
    def clean(self) -> bool:
        whole = not (self.missed or self.twice or self.wrong or self.open or self.doubted)
        return whole and self.letters.clean


def judge(
    world: World,
    mails: list[dict[str, Any]],
    texts: dict[str, str],
    left: dict[str, tuple[int, float]],
) -> Verdict:
    """Of digests. `texts`: what each call said, by its message id. `left`: who stopped, in which wave and when."""
    mails = [mail for mail in mails if kind_of(mail) is None]
    studies = {message_id: frozenset(NCT_ID.findall(words)) for message_id, words in texts.items()}
    told: dict[str, Counter[str]] = defaultdict(Counter)
    verdict = Verdict()
    for mail in mails:
        told[mail["email"]].update(studies[mail["message_id"]])
        if mail["email"] in left and _too_late(world, mail, studies[mail["message_id"]], left[mail["email"]]):
            verdict.wrong.append((mail["email"], "after leaving"))
    per_delivery = Counter(mail["delivery_id"] for mail in mails)
    verdict.twice += [id_ for id_, count in per_delivery.items() if count > 1]
    for email, counts in told.items():
        verdict.twice += [(email, nct_id) for nct_id, count in counts.items() if count > 1]
        verdict.wrong += [(email, nct_id) for nct_id in counts.keys() - world.due[email].keys()]
    for person in world.people:
        verdict.missed += [(person.email, nct_id) for nct_id in _missing(world, person, told[person.email])]
    return verdict


def _too_late(world: World, mail: dict[str, Any], studies: frozenset[str], left: tuple[int, float]) -> bool:
    wave, at = left
    return mail["at"] > at + LATE_SECONDS or any(
        world.due[mail["email"]].get(id_, 0) > wave for id_ in studies
    )


def _missing(world: World, person: Any, told: Counter[str]) -> set[str]:
    """Of whoever is refused or left, nothing is asked; of whoever bounces, that there was a first mail."""
    due = world.due[person.email].keys()
    if person.ends in ("refused", "leaves"):
        return set()
    if person.ends in HARSH_FATES:
        return set() if told or not due else {"any"}
    return due - told.keys()


def look_into_ledger(engine: Engine, verdict: Verdict) -> None:
    with engine.connect() as conn:
        states = dict(conn.execute(text("SELECT state, count(*) FROM delivery_states GROUP BY state")).all())  # type: ignore[arg-type]
        verdict.doubted = conn.execute(
            text("SELECT count(*) FROM batches WHERE state = 'unknown'")
        ).scalar_one()
    verdict.open = {name: states[name] for name in ("planned", "sending", "retrying") if name in states}


def parked_pairs(engine: Engine, delivery_ids: list[str]) -> set[Pair]:
    """What the people of these deliveries would have read."""
    with engine.connect() as conn:
        rows = conn.execute(
            text(
                """SELECT DISTINCT s.email, t.nct_id FROM deliveries d JOIN batches b ON b.id = d.batch_id
                   JOIN subscribers s ON s.id = d.subscriber_id
                   JOIN edition_items i ON i.edition_id = b.edition_id
                   JOIN change_events e ON e.id = i.event_id JOIN studies t ON t.id = e.study_id
                   WHERE d.id = ANY(CAST(:ids AS uuid[]))"""
            ),
            {"ids": delivery_ids},
        ).all()
    return {(row.email, row.nct_id) for row in rows}


def dump(engine: Engine, path: Path) -> None:
    """The ledger as it ended, to look for the reason when a seed went wrong."""
    tables = ("schedules", "runs", "batches", "deliveries", "change_events", "edition_items", "targets")
    with engine.connect() as conn:
        whole = {
            name: [dict(row._mapping) for row in conn.execute(text(f"SELECT * FROM {name}"))]
            for name in tables
        }
        for name in ("subscribers", "feedback_events"):
            rows = conn.execute(text(f"SELECT to_jsonb(t) AS row FROM {name} t"))
            whole[name] = [row.row for row in rows]
    path.write_bytes(orjson.dumps(whole, default=str))
