"""The world of a seed: who follows what, what happens when, and so who must read what. It knows no database."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any

from tests.journeys.records import Record, record

ZONES = ("UTC", "America/New_York", "Asia/Tokyo")
STARTS = ("Bor", "Cal", "Dem", "Fen", "Gar", "Hol")
ENDS = ("linia", "metra", "nosis", "pathia", "rosia", "tesia", "vulia")
CONDITIONS = [f"{start}{end} of the Made-Up Gland" for start in STARTS for end in ENDS]
OLD = "2026-01-05"
HARSH_FATES = (
    "bounce",
    "late_bounce",
    "spamreport",
    "invalid",
    "blocked",
)  # after these, perhaps no more mail
MILD_FATES = ("deferred",)


@dataclass(frozen=True)
class Person:
    number: int
    frequency: str
    zone: str
    follows: frozenset[str]  # conditions by name, studies by number
    ends: str = ""  # refused, leaves, or the fate of the first mail

    @property
    def email(self) -> str:
        return f"person{self.number}@example.org"


@dataclass
class Wave:
    """What becomes known at one moment: new studies by their conditions, and changes of known ones."""

    new: dict[str, tuple[str, ...]] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)

    def reaches(self, person: Person) -> frozenset[str]:
        new = {nct_id for nct_id, names in self.new.items() if person.follows & set(names)}
        return frozenset(new | (person.follows & set(self.changed)))

    def records(self) -> list[Record]:
        """As the site would push them."""
        opened = {"overallStatus": "RECRUITING", "posted": "2026-11-10"}
        return [
            *(new_study(nct_id, names) for nct_id, names in self.new.items()),
            *(record(nct_id, first_posted=OLD, **opened) for nct_id in self.changed),
        ]


@dataclass
class World:
    """Everything follows from the seed. No study is news twice, so that who reads what can be told from a mail."""

    seed: int
    people_count: int
    waves_count: int

    def __post_init__(self) -> None:
        self.chance = random.Random(f"world {self.seed}")
        self.known = [f"NCT8{number:07d}" for number in range(self.waves_count * 8)]
        self.waves = [self._wave(number) for number in range(self.waves_count)]
        self.people = [self._person(number) for number in range(self.people_count)]

    def _wave(self, number: int) -> Wave:
        names = self.chance.sample(CONDITIONS, 12)
        new = {f"NCT9{number:03d}{place:04d}": tuple(names[place * 2 : place * 2 + 2]) for place in range(6)}
        return Wave(new, self.known[number * 8 : number * 8 + 8])

    def _person(self, number: int) -> Person:
        chance = self.chance
        wanted = set(chance.choices(CONDITIONS, k=chance.choice((1, 1, 2, 3, 5))))
        if chance.random() < 0.4:
            wanted |= set(chance.sample(self.known, chance.choice((1, 2, 6))))
        draw = chance.random()
        ends = "refused" if draw < 0.008 else "leaves" if draw < 0.05 else ""
        if 0.05 <= draw < 0.08:
            ends = chance.choice(HARSH_FATES)
        if 0.08 <= draw < 0.11:
            ends = chance.choice(MILD_FATES)
        frequency = "immediate" if chance.random() < 0.4 else "daily"
        return Person(number, frequency, chance.choice(ZONES), frozenset(wanted), ends)

    @cached_property
    def by_email(self) -> dict[str, Person]:
        return {person.email: person for person in self.people}

    def with_end(self, *ends: str) -> list[Person]:
        return [person for person in self.people if person.ends in ends]

    @cached_property
    def due(self) -> dict[str, dict[str, int]]:
        """{address: {study: wave}}: all that this person asked to hear of."""
        found: dict[str, dict[str, int]] = defaultdict(dict)
        for number, wave in enumerate(self.waves):
            for person in self.people:
                found[person.email] |= dict.fromkeys(wave.reaches(person), number)
        return found

    def newcomers(self, wave: int) -> list[tuple[str, str]]:
        """(address, condition) of each who signs up in this wave, and goes no further."""
        chance = random.Random(f"newcomers {self.seed} {wave}")
        return [
            (f"newcomer{wave}x{number}@example.org", chance.choice(CONDITIONS))
            for number in range(self.waiting_count)
        ]

    def lost_links(self, wave: int) -> list[str]:
        """Who asks for a fresh link in this wave."""
        steady = self.with_end("")[wave * self.waiting_count :]
        return [person.email for person in steady[: self.waiting_count]]

    @property
    def waiting_count(self) -> int:
        """In each wave so many wait for each kind of letter."""
        return max(4, self.people_count // 100)

    def first_records(self) -> list[Record]:
        return [record(nct_id, first_posted=OLD) for nct_id in self.known]

    def csv(self) -> str:
        lines = ["email,study,condition,frequency,timezone,confirmed_at"]
        for person in self.people:
            for wanted in sorted(person.follows):
                which = f"{wanted}," if wanted.startswith("NCT") else f",{wanted}"
                lines.append(f"{person.email},{which},{person.frequency},{person.zone},2026-11-01")
        return "\n".join(lines) + "\n"

    def fates(self) -> dict[str, str]:
        chosen = self.with_end(*HARSH_FATES, *MILD_FATES)
        return {person.email: person.ends for person in chosen}


def new_study(nct_id: str, names: tuple[str, ...], **more: Any) -> Record:
    """Without the registry's own headings: only these names say what it is about."""
    posted = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    made = record(nct_id, first_posted=posted, conditions=list(names), keywords=[], **more)
    made["derivedSection"] = {}
    return made
