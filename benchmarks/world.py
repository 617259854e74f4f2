"""A made-up world: people, what they follow, and a day of new studies. The same seed makes the same world."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

from tests.journeys.records import Record, record

MOST_FOLLOWED = 6
_SYLLABLES = [first + second for first in "bdfgklmnprtv" for second in "aeiou"]
_KINDS = ("disease", "dystrophy", "anemia", "fever", "carcinoma")
_SENTENCES = (
    "This made-up study tests a made-up tablet for {about}.",
    "Half of the people take the tablet once a day for twelve weeks.",
    "The other half take a tablet that looks the same and holds no drug.",
    "Nobody knows who takes which until the end of the study.",
    "The study team looks at how people feel, how they sleep and how far they can walk.",
    "People are asked to keep a diary and to come to the clinic four times.",
)
_COUNTRIES = ("France", "Germany", "Spain", "Canada", "Japan", "Brazil", "Kenya")


@dataclass(frozen=True)
class World:
    """Conditions are numbers from 0, the most followed first; studies are numbers, too."""

    people: int
    conditions: int
    events: int
    seed: int = 1
    about: list[tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """People crowd on few conditions (Zipf), studies much less so: about six people in ten get a mail."""
        chance = Random(self.seed)
        weights = list(accumulate((place + 10) ** -0.3 for place in range(self.conditions)))

        def some(least: int, most: int) -> tuple[int, ...]:
            return tuple(
                chance.choices(range(self.conditions), cum_weights=weights, k=chance.randint(least, most))
            )

        self.about.extend((some(1, 3), some(0, 2)) for _ in range(self.events))

    @cached_property
    def studies_of(self) -> dict[int, set[str]]:
        """The studies that a follower of this condition is to hear of; no entry for a condition without any."""
        found: dict[int, set[str]] = {}
        for number, (own, broader) in enumerate(self.about):
            for condition in (*own, *broader):
                found.setdefault(condition, set()).add(nct_id(number))
        return found

    @cached_property
    def follows(self) -> list[tuple[int, ...]]:
        """For each person, one to six conditions."""
        chance = Random(self.seed + 1)
        weights = list(accumulate(1 / (place + 1) for place in range(self.conditions)))
        every = range(self.conditions)
        return [
            tuple(set(chance.choices(every, cum_weights=weights, k=chance.randint(1, MOST_FOLLOWED))))
            for _ in range(self.people)
        ]

    def expected(self) -> dict[str, set[str]]:
        """{address: studies to hear of} of everybody who is to get a mail."""
        due = {}
        for person, conditions in enumerate(self.follows):
            studies = {nct for condition in conditions for nct in self.studies_of.get(condition, ())}
            if studies:
                due[address(person)] = studies
        return due

    def write_people(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(("email", "study", "condition", "frequency", "timezone", "confirmed_at"))
            for person, conditions in enumerate(self.follows):
                email = address(person)
                rows.writerows(
                    (email, "", condition_name(one), "daily", "UTC", "2026-01-15") for one in conditions
                )

    def records(self) -> Iterator[Record]:
        """One new study for each event, in the registry's shape."""
        chance = Random(self.seed + 2)
        for number, (own, broader) in enumerate(self.about):
            names = [condition_name(one) for one in own]
            yield record(
                nct_id(number),
                briefTitle=f"A Made-Up Tablet in People With {names[0].title()}",
                briefSummary=" ".join(_SENTENCES).format(about=" and ".join(names)),
                conditions=names,
                locations=_places(chance),
                derivedSection={"conditionBrowseModule": {"meshes": [], "ancestors": _headings(broader)}},
            )


def _places(chance: Random) -> list[dict[str, Any]]:
    return [
        {"facility": f"Example Clinic {number}", "city": "Example", "country": chance.choice(_COUNTRIES)}
        for number in range(chance.randint(1, 12))
    ]


def _headings(conditions: tuple[int, ...]) -> list[dict[str, str]]:
    return [{"id": f"D{one:06d}", "term": condition_name(one)} for one in conditions]


def nct_id(number: int) -> str:
    return f"NCT9{number:07d}"


def address(person: int) -> str:
    return f"person{person}@example.org"


def condition_name(number: int) -> str:
    """No two are alike: the syllables are the number's digits."""
    kind, rest = _KINDS[number % len(_KINDS)], number // len(_KINDS)
    word = ""
    for _ in range(3):
        rest, digit = divmod(rest, len(_SYLLABLES))
        word += _SYLLABLES[digit]
    return f"{word} {kind}"
