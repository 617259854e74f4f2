"""The verdict on letters: one for each who was told that one is on its way."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Engine, text


@dataclass
class Letters:
    promised: int = 0
    missed: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    again: int = 0  # in doubt, so sent once more: docs/decisions/0015

    @property
    def clean(self) -> bool:
        return not (self.missed or self.twice)


def kind_of(mail: dict[str, Any]) -> str | None:
    """By the links in it; None for a digest."""
    paths = {link.split("/")[3] for link in mail["links"]}
    if "u" in paths:
        return None
    return "confirm" if "confirm" in paths else "manage_link"


def judge_letters(
    promised: Mapping[str, set[str]], mails: list[dict[str, Any]], doubts: Mapping[str, int]
) -> Letters:
    """`doubts`: how often nobody knew whether a delivery had been accepted, by its id. More repeats than that are
    one too many, and so is a second delivery."""
    came: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for mail in mails:
        if kind := kind_of(mail):
            came[kind, mail["email"]][mail["delivery_id"]] += 1
    verdict = Letters()
    for kind, emails in promised.items():
        verdict.promised += len(emails)
        verdict.missed += [email for email in sorted(emails) if (kind, email) not in came]
    for (_, email), counts in came.items():
        repeats = {id_: count - 1 for id_, count in counts.items() if count > 1}
        if len(counts) > 1 or any(count > doubts.get(id_, 0) for id_, count in repeats.items()):
            verdict.twice.append(email)
        else:
            verdict.again += sum(repeats.values())
    return verdict


def doubts_of_letters(engine: Engine) -> dict[str, int]:
    with engine.connect() as conn:
        rows = conn.execute(
            text(
                """SELECT d.id, count(*) AS doubts FROM deliveries d JOIN batches b ON b.id = d.batch_id
                   JOIN batch_history h ON h.batch_id = b.id AND h.what IN ('unknown', 'worker lost', 'fault')
                   WHERE b.run_id IS NULL GROUP BY d.id"""
            )
        )
        return {str(row.id): row.doubts for row in rows}
