"""Eight people in one batch, waiting for a provider that answers as a test says."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, text

from notifier.delivery.mail_links import MailLinks
from notifier.delivery.progress import states_of_all
from notifier.delivery.sending import Sender
from notifier.links.keys import email_key
from notifier.settings import Settings
from tests.conftest import SECRET_KEY
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, condition, days

ASTHMA = condition("Asthma")
PEOPLE = ["anna", "ben", "carla", "dora", "emil", "fay", "gus", "hana"]


@dataclass
class Clock:
    now: datetime = NOON + days(1)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Office:
    """Eight people in one batch, waiting for one provider."""

    world: World
    provider: ScriptedProvider
    clock: Clock

    @property
    def sender(self) -> Sender:
        links = MailLinks.of(["k" * 32], "http://localhost:8000")
        return Sender(self.world.engine, self.provider, links, self.world.settings, self.clock)

    def send(self) -> None:
        self.sender.send_due(until=self.clock.now + days(1))

    def later(self, wait: timedelta) -> None:
        self.clock.now += wait
        self.send()

    def states(self) -> dict[str, int]:
        with self.world.engine.connect() as conn:
            return states_of_all(conn)

    def sql(self, statement: str, **bind: object) -> list[tuple[object, ...]]:
        with self.world.engine.begin() as conn:
            result = conn.execute(text(statement), bind)
            return [tuple(row) for row in result] if result.returns_rows else []


def open_office(engine: Engine, settings: Settings) -> Office:
    world = World(engine, settings)
    for name in PEOPLE:
        key = email_key([SECRET_KEY], f"{name}@example.org")
        world.person(name, ASTHMA, key=key)
    world.event(ASTHMA, kind="new_study")
    world.run("daily", NOON + days(1))
    return Office(world, ScriptedProvider(), Clock())


def everybody_once() -> dict[str, int]:
    return {f"{name}@example.org": 1 for name in PEOPLE}
