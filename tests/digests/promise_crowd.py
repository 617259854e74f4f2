"""Many hands at once: readers, the registry, importers, schedulers and a sender, each a thread with its own dice."""

import csv
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

from sqlalchemy import text

from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawing import stop_one, undo_all, undo_one
from notifier.links.keys import email_key, signing_keys
from notifier.subscriptions.changing import follow, pause, reschedule, resume, set_reach, unfollow
from notifier.subscriptions.importing import import_subscribers
from notifier.subscriptions.personal_data import erase_person
from notifier.subscriptions.schedules import Rhythm
from notifier.subscriptions.stopping import stop_all
from tests.delivery.scripted import ScriptedProvider
from tests.digests.promise_checks import studied
from tests.digests.promise_people import COLUMNS
from tests.world import NOON, World, condition, days

RHYTHMS = (
    Rhythm("immediate"),
    Rhythm("daily", "UTC", 8),
    Rhythm("daily", "Asia/Tokyo", 20),
    Rhythm("weekly", "UTC", 8, 1),
)
NAMES = [f"reader{n}" for n in range(14)]
TOPICS = [condition(name) for name in ("Asthma", "Eczema", "Gout", "Migraine", "Psoriasis")]
STRIDE = timedelta(hours=7)


@dataclass
class Crowd:
    """The clock stands still in a round, so that "while they followed it" can be told from the tables."""

    world: World
    folder: Path
    seed: int
    now: datetime = NOON
    ids: list[int] = field(default_factory=list)

    def live(self, rounds: int, deeds: int) -> None:
        self.ids = [self.world.target(ref) for ref in TOPICS]
        studied(self.world.engine)
        for name in NAMES[:10]:
            self._sign_up(Random(name), name)
        hands: list[Callable[[Random], None]] = [self.reader] * 4 + [self.registry, self.office]
        hands += [self.scheduler] * 2 + [self.sender]
        with ThreadPoolExecutor(len(hands)) as pool:
            for turn in range(rounds):
                self.now += STRIDE
                seeds = [Random(f"{self.seed}/{turn}/{number}") for number in range(len(hands))]
                work = [
                    pool.submit(self._repeat, hand, dice, deeds)
                    for hand, dice in zip(hands, seeds, strict=True)
                ]
                for done in work:
                    done.result(timeout=120)

    def come_to_rest(self) -> None:
        for wait in (timedelta(hours=1), days(1), days(8)):
            self.now += wait
            self.world.tick(self.now)

    @staticmethod
    def _repeat(hand: Callable[[Random], None], dice: Random, deeds: int) -> None:
        for _ in range(deeds):
            hand(dice)

    def reader(self, dice: Random) -> None:
        deed = dice.choice(
            [
                self._follow,
                self._follow,
                self._unfollow,
                self._move,
                self._stop,
                self._stop_one,
                self._undo,
                self._undo,
                self._undo_one,
                self._pause,
                self._resume,
                self._set_reach,
            ]
        )
        found = self._find(dice.choice(NAMES))
        if found:
            with suppress(LookupError):  # erased meanwhile
                deed(dice, *found)

    def registry(self, dice: Random) -> None:
        about = dice.sample(TOPICS, dice.randint(1, 3))
        with self.world.engine.begin() as conn:
            self.world.add_event(conn, [replace(ref, evidence=dice.choice([1, 3, 4])) for ref in about])

    def office(self, dice: Random) -> None:
        """Imports, and now and then an erasure."""
        if dice.random() < 0.1:
            with self.world.engine.begin() as conn:
                erase_person(conn, self._key(dice.choice(NAMES)), now=self.now)
            return
        path = self.folder / "people.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for name in dice.sample(NAMES, 5):
                frequency = dice.choice(["", "immediate", "daily", "weekly"])
                topic = dice.choice(TOPICS).label
                moment = (self.now + timedelta(seconds=1)).isoformat()
                writer.writerow([f"{name}@example.org", "", topic, frequency, "", moment])
        keys = signing_keys(self.world.settings)
        import_subscribers(self.world.engine, path, settings=self.world.settings, keys=keys, now=self.now)

    def sender(self, dice: Random) -> None:
        """Claims what is due, and what it claimed is taken."""
        claims = claim_batches(self.world.engine, ScriptedProvider(), now=self.now, limit=dice.randint(1, 20))
        with self.world.engine.begin() as conn:
            conn.execute(
                text("UPDATE batches SET state = 'accepted' WHERE id = ANY(:ids)"),
                {"ids": [claim.batch_id for claim in claims or []]},
            )

    def scheduler(self, dice: Random) -> None:
        if dice.random() < 0.5:
            self.world.tick(self.now)
        else:
            self.world.run(dice.choice(["immediate", "daily", "weekly"]), self.now)

    def _follow(self, dice: Random, id_: int, _: UUID) -> None:
        with self.world.engine.begin() as conn:
            follow(
                conn,
                id_,
                dice.choice(self.ids),
                reach=dice.choice([3, 4]),
                source="page",
                via="manage",
                now=self.now,
            )

    def _unfollow(self, dice: Random, id_: int, _: UUID) -> None:
        with self.world.engine.begin() as conn:
            unfollow(conn, id_, dice.choice(self.ids), reason="page", via="manage", now=self.now)

    def _move(self, dice: Random, id_: int, _: UUID) -> None:
        with self.world.engine.begin() as conn:
            reschedule(conn, id_, dice.choice(RHYTHMS), via="manage", now=self.now)

    def _stop(self, dice: Random, _: int, public_id: UUID) -> None:
        if dice.random() < 0.5:
            with self.world.engine.begin() as conn:
                stop_all(conn, public_id, reason="one_click", now=self.now)

    def _stop_one(self, dice: Random, _: int, public_id: UUID) -> None:
        with self.world.engine.begin() as conn:
            stop_one(conn, public_id, dice.choice(self.ids), via="page", now=self.now)

    def _undo(self, dice: Random, _: int, public_id: UUID) -> None:
        with self.world.engine.begin() as conn:
            undo_all(conn, public_id, via="page", now=self.now)

    def _undo_one(self, dice: Random, id_: int, public_id: UUID) -> None:
        wishes = self._wishes(id_)
        if wishes:
            with self.world.engine.begin() as conn:
                undo_one(conn, public_id, dice.choice(wishes), via="page", now=self.now)

    def _pause(self, dice: Random, id_: int, _: UUID) -> None:
        with self.world.engine.begin() as conn:
            pause(conn, id_, self.now + dice.choice([STRIDE, days(3)]), via="manage", now=self.now)

    def _resume(self, dice: Random, id_: int, _: UUID) -> None:
        with self.world.engine.begin() as conn:
            resume(conn, id_, via="manage", now=self.now)

    def _set_reach(self, dice: Random, id_: int, _: UUID) -> None:
        wishes = self._wishes(id_)
        if wishes:
            with self.world.engine.begin() as conn:
                set_reach(conn, id_, dice.choice(wishes), dice.choice([3, 4]), via="manage", now=self.now)

    def _wishes(self, id_: int) -> list[UUID]:
        find = text("SELECT public_id FROM subscriptions WHERE subscriber_id = :id ORDER BY id")
        with self.world.engine.connect() as conn:
            return list(conn.execute(find, {"id": id_}).scalars())

    def _sign_up(self, dice: Random, name: str) -> None:
        topics = dice.sample(TOPICS, 2)
        self.world.person(name, *topics, rhythm=dice.choice(RHYTHMS), now=self.now, key=self._key(name))

    def _find(self, name: str) -> tuple[int, UUID] | None:
        find = text("SELECT id, public_id FROM subscribers WHERE email_key = :key")
        with self.world.engine.connect() as conn:
            row = conn.execute(find, {"key": self._key(name)}).one_or_none()
        return tuple(row) if row else None

    def _key(self, name: str) -> bytes:
        return email_key(signing_keys(self.world.settings), f"{name}@example.org")
