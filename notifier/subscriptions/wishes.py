"""What somebody wants to hear of: as it is offered, as it was typed, and as it is shown."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from notifier.conditions.labels import calm
from notifier.conditions.normal_form import BadCondition, clean_condition, normal_form
from notifier.conditions.targets import OWN_WORDS, TargetRef, study_target
from notifier.languages.messages import Message
from notifier.registry.projection import clean_nct_id
from notifier.registry.records import BadRecord
from notifier.subscriptions.former_ids import PRESENT_ID

MOST_CHARS = 100
MOST_OFFERED = 10
MOST_CONDITIONS = 20
NO_STUDY = Message("That is not a study number. It looks like NCT01234567.")
TOO_MANY = Message("Choose %(most)s conditions or fewer.", most=MOST_CONDITIONS)


class BadWish(ValueError):
    """`reason`, of which `str()` is the English, is for the person who asked; it repeats nothing that they typed."""

    def __init__(self, reason: Message) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Choice:
    """`label` is for people: a study's title where it is known, else its NCT id. `key` is the target's."""

    target_id: int
    kind: Literal["study", "condition"]
    label: str
    key: str


@dataclass(frozen=True, slots=True)
class StudyChoices:
    """What can be followed from a study's page. `known`: the study is stored here; one may follow it before."""

    nct_id: str
    title: str | None
    known: bool
    conditions: tuple[str, ...]


def study_choices(conn: Connection, nct_id: str) -> StudyChoices:
    """Raises BadWish for what is no NCT id. Makes nothing."""
    nct_id = clean_study(nct_id)
    study = conn.execute(
        text(
            """SELECT facts ->> 'briefTitle' AS title, facts -> 'conditions' AS conditions
               FROM studies WHERE nct_id = :nct_id"""
        ),
        {"nct_id": nct_id},
    ).one_or_none()
    if study is None:
        return StudyChoices(nct_id, None, False, ())
    return StudyChoices(nct_id, study.title, True, readable_conditions(study.conditions or [])[:MOST_OFFERED])


def readable_conditions(conditions: Sequence[str]) -> tuple[str, ...]:
    """Those of a study that can be followed, each once, as people read them."""
    found: dict[str, str] = {}
    for words in conditions:
        try:
            line = clean_wish(words)
        except BadWish:
            continue
        found.setdefault(normal_form(line), calm(line))
    return tuple(found.values())


def clean_study(nct_id: str) -> str:
    try:
        return clean_nct_id(nct_id)
    except BadRecord:
        raise BadWish(NO_STUDY) from None


_ADDRESS = re.compile(r"@|http|www\.|://|[^\W\d_]\.[^\W\d_]{2,}(/|$)", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[^\w\s'’(),+/-]|_")


def clean_wish(condition: str) -> str:
    """On one line. Raises BadWish for what is no condition: anybody may sign up anybody, and their page shows it."""
    if len(" ".join(condition.split())) > MOST_CHARS:
        raise BadWish(
            Message("The condition is too long. Use %(most)s characters or fewer.", most=MOST_CHARS)
        )
    try:
        line = clean_condition(condition)
    except BadCondition:
        raise BadWish(
            Message("The condition is empty or has no letter. Write its name, such as Asthma.")
        ) from None
    if _ADDRESS.search(line):
        raise BadWish(Message("A condition cannot hold an address. Write its name only, such as Asthma."))
    return line


def _plain(line: str) -> str:
    """What others read who ask for the same: letters and digits, and what stands between them in a name."""
    kept = "".join(
        char if unicodedata.category(char)[0] == "M" else _NOT_PLAIN.sub(" ", char) for char in line
    )
    return calm(" ".join(kept.split()))


def wished_targets(study: str | None, conditions: Sequence[str]) -> list[TargetRef]:
    """Each target once. Raises BadWish where there is none, too many, or one cannot be."""
    refs = [study_target(clean_study(study))] if study else []
    if len(conditions) > MOST_CONDITIONS:
        raise BadWish(TOO_MANY)
    named: dict[str, TargetRef] = {}
    for words in conditions:
        line = clean_wish(words)
        named.setdefault(
            normal_form(line), TargetRef("condition", normal_form(line), _plain(line), None, OWN_WORDS)
        )
    refs += named.values()
    if not refs:
        raise BadWish(Message("Choose at least one thing to hear about."))
    return refs


LABEL = f"""COALESCE((SELECT s.facts ->> 'briefTitle' FROM studies s
                   WHERE t.kind = 'study' AND s.nct_id = {PRESENT_ID}), t.label)"""
"""SQL: what people read of target `t`."""


def choices_of(conn: Connection, sign_up_id: int) -> tuple[Choice, ...]:
    """What a sign-up asks for, the study first."""
    rows = conn.execute(
        text(
            f"""SELECT t.id, t.kind, {LABEL} AS label, t.key
                FROM sign_up_targets w JOIN targets t ON t.id = w.target_id
                WHERE w.sign_up_id = :id ORDER BY t.kind DESC, t.label"""
        ),
        {"id": sign_up_id},
    )
    return tuple(Choice(row.id, row.kind, row.label, row.key) for row in rows)
