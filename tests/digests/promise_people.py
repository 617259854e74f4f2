"""What people do: each step taken by the product and by the model alike."""

import csv
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule
from sqlalchemy import text

from notifier.links.keys import signing_keys
from notifier.subscriptions.changing import follow, reschedule, unfollow
from notifier.subscriptions.importing import import_subscribers
from notifier.subscriptions.personal_data import erase_person
from notifier.subscriptions.schedules import FREQUENCIES, Rhythm
from notifier.subscriptions.stopping import stop_all
from tests.digests.promise_model import Reader, Wish
from tests.digests.promise_stage import BERLIN, STARTS, TOPICS, Stage, reaches, rhythms, some, topics

MOST_READERS = 6
COLUMNS = ("email", "study", "condition", "frequency", "timezone", "confirmed_at")
SETTLING = timedelta(days=8)

anybody = precondition(lambda self: self.model.readers)
wish = st.tuples(
    some,
    topics,
    st.sampled_from(["", *FREQUENCIES]),
    st.sampled_from(["", BERLIN]),
    st.sampled_from([timedelta(), timedelta(days=3)]),  # how long ago they confirmed
)


shape = {
    "wanted": st.sets(topics, min_size=1, max_size=4),
    "reach": reaches,
    "rhythm": rhythms,
    "locale": st.sampled_from(["en", "en", "es"]),
    "titles": st.sampled_from([False, False, True]),
}


class People(Stage):
    @initialize(start=st.sampled_from(STARTS), people=st.lists(st.fixed_dictionaries(shape), max_size=4))
    def begin(self, start: datetime, people: list[dict[str, Any]]) -> None:
        """Those who have been there for a while share the range of their schedule."""
        self.open(start - SETTLING)
        for person in people:
            self.sign_up(**person)
        self.now += SETTLING
        self.tick()

    @precondition(lambda self: len(self.model.readers) < MOST_READERS)
    @rule(**shape)
    def sign_up(self, wanted: set[str], reach: int, rhythm: Rhythm, locale: str, titles: bool) -> None:
        self.names += 1
        name = f"reader{self.names}"
        refs = [ref for topic, ref in TOPICS.items() if topic in wanted]
        form: dict[str, Any] = {"rhythm": rhythm, "locale": locale, "titles": titles}
        id_ = self.world.person(name, *refs, reach=reach, now=self.now, key=self.key(name), **form)
        wishes = [Wish(self.ids[topic], reach) for topic in wanted]
        self.model.readers[id_] = Reader(name, **form, wishes=wishes)
        self.model.use(rhythm, self.now)

    @anybody
    @rule(who=some, topic=topics, reach=reaches)
    def follow(self, who: int, topic: str, reach: int) -> None:
        """Also how somebody who stopped comes back."""
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            follow(conn, id_, self.ids[topic], reach=reach, source="page", via="manage", now=self.now)
        reader.follow(self.ids[topic], reach)

    @anybody
    @rule(who=some, topic=topics)
    def unfollow(self, who: int, topic: str) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            unfollow(conn, id_, self.ids[topic], reason="page", via="manage", now=self.now)
        reader.unfollow(self.ids[topic], self.now)

    @anybody
    @rule(who=some)
    def stop(self, who: int) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            stop_all(conn, self.public_id(id_), reason="one_click", now=self.now)
        reader.stop(self.now)

    @anybody
    @rule(who=some, rhythm=rhythms)
    def reschedule(self, who: int, rhythm: Rhythm) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            reschedule(conn, id_, rhythm, via="manage", now=self.now)
        self.model.use(rhythm, self.now)
        reader.rhythm = rhythm

    @anybody
    @rule(who=some)
    def erase(self, who: int) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            assert erase_person(conn, self.key(reader.name), now=self.now)
        del self.model.readers[id_]
        self.model.erased.append(reader.name)

    @rule(wishes=st.lists(wish, min_size=1, max_size=4))
    def import_file(self, wishes: list[Any]) -> None:
        """The file names those who are there, those who were erased, and somebody new."""
        self.names += 1
        known = [reader.name for reader in self.model.readers.values()]
        names = [*known, *self.model.erased, f"reader{self.names}"]
        wishes = [(names[who % len(names)], *rest) for who, *rest in wishes]
        path = self.folder / "people.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for name, topic, frequency, zone, ago in wishes:
                target = [topic, ""] if TOPICS[topic].kind == "study" else ["", topic]
                writer.writerow(
                    [f"{name}@example.org", *target, frequency, zone, (self.now - ago).isoformat()]
                )
        settings = self.world.settings
        result = import_subscribers(
            self.world.engine, path, settings=settings, keys=signing_keys(settings), now=self.now
        )
        assert result.read - result.rejected == self._model_imports(wishes)

    def _model_imports(self, wishes: list[Any]) -> int:
        readers = {reader.name: reader for reader in self.model.readers.values()}
        taken = []
        for name, topic, frequency, zone, ago in wishes:
            home = Rhythm.of(frequency or "daily", zone or "UTC", 8, 1)
            self.model.use(home, self.now)
            reader = readers.get(name)
            stopped = reader and reader.stopped_at and self.now - ago <= reader.stopped_at
            if name not in self.model.erased and not stopped:
                taken.append((name, topic, home, bool(frequency or zone)))
        for name, topic, home, chosen in taken:
            if name not in readers:
                readers[name] = self.model.readers[self._id(name)] = Reader(name, home)
            if chosen:
                readers[name].rhythm = home
            readers[name].follow(self.ids[topic], 4)
        return len(taken)

    def public_id(self, id_: int) -> UUID:
        find = text("SELECT public_id FROM subscribers WHERE id = :id")
        with self.world.engine.connect() as conn:
            return UUID(str(conn.execute(find, {"id": id_}).scalar_one()))

    def _id(self, name: str) -> int:
        find = text("SELECT id FROM subscribers WHERE email_key = :key")
        with self.world.engine.connect() as conn:
            return int(conn.execute(find, {"key": self.key(name)}).scalar_one())
