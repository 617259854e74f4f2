"""People change their minds: they pause, stop, undo, and want to hear of more or of less."""

from datetime import timedelta
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule
from sqlalchemy import text

from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawing import stop_one, undo_all, undo_one
from notifier.subscriptions.changing import pause, resume, set_reach
from tests.delivery.scripted import ScriptedProvider
from tests.digests.promise_model import Wish
from tests.digests.promise_people import People, anybody
from tests.digests.promise_stage import reaches, some, topics

PAUSES = [timedelta(minutes=30), timedelta(hours=30), timedelta(days=5)]


class Minds(People):
    @anybody
    @rule(who=some, length=st.sampled_from(PAUSES))
    def pause(self, who: int, length: timedelta) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            pause(conn, id_, self.now + length, via="manage", now=self.now)
        reader.paused_until = self.now + length

    @anybody
    @rule(who=some)
    def resume(self, who: int) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            resume(conn, id_, via="manage", now=self.now)
        reader.resume(self.now)

    @anybody
    @rule(who=some, topic=topics)
    def stop_one(self, who: int, topic: str) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            stop_one(conn, self.public_id(id_), self.ids[topic], via="page", now=self.now)
        reader.stop_one(self.ids[topic], self.now)

    @anybody
    @rule(who=some)
    def undo_all(self, who: int) -> None:
        id_, reader = self.reader(who)
        with self.world.engine.begin() as conn:
            undo_all(conn, self.public_id(id_), via="page", now=self.now)
        reader.undo_all(self.now)

    @anybody
    @rule(who=some)
    def stop_and_undo(self, who: int) -> None:
        self.stop(who)
        self.undo_all(who)

    @anybody
    @rule(who=some, which=some)
    def undo_one(self, who: int, which: int) -> None:
        id_, reader = self.reader(who)
        which %= len(reader.wishes)
        with self.world.engine.begin() as conn:
            undo_one(
                conn,
                self.public_id(id_),
                self._wish(id_, reader.wishes[which], reader.wishes),
                via="page",
                now=self.now,
            )
        reader.undo_one(which, self.now)

    @anybody
    @rule(who=some, topic=topics, reach=reaches)
    def set_reach(self, who: int, topic: str, reach: int) -> None:
        id_, reader = self.reader(who)
        wish = reader.wish(self.ids[topic])
        if wish:
            which = self._wish(id_, wish, reader.wishes)
            with self.world.engine.begin() as conn:
                set_reach(conn, id_, which, reach, via="manage", now=self.now)
            reader.set_reach(self.ids[topic], reach)

    @rule()
    def senders_work(self) -> None:
        """Whatever is queued is claimed, and accepted or skipped."""
        claim_batches(self.world.engine, ScriptedProvider(), now=self.now, limit=10_000)
        with self.world.engine.begin() as conn:
            conn.execute(text("UPDATE batches SET state = 'accepted' WHERE state = 'sending'"))
        for reader in self.model.readers.values():
            reader.post()

    def _wish(self, id_: int, wish: Wish, wishes: list[Wish]) -> UUID:
        """Of several about the same target, the one that was made as late."""
        same = [other for other in wishes if other.target == wish.target]
        number = next(place for place, other in enumerate(same) if other is wish)
        find = text(
            """SELECT public_id FROM subscriptions WHERE subscriber_id = :id AND target_id = :target
               ORDER BY id OFFSET :number LIMIT 1"""
        )
        with self.world.engine.connect() as conn:
            row = conn.execute(find, {"id": id_, "target": wish.target, "number": number})
            return UUID(str(row.scalar_one()))
