"""A world in which mail is really claimed, and what was accepted can be read."""

from uuid import UUID

from sqlalchemy import text

from notifier.delivery.claiming import claim_batches
from notifier.delivery.withdrawing import stop_one, undo_all, undo_one
from notifier.subscriptions.stopping import stop_all
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, days

AT = NOON + days(1)


class Post(World):
    def public_id(self, id_: int) -> UUID:
        return self.sql("SELECT public_id FROM subscribers WHERE id = :id", id=id_)[0][0]

    def stop(self, id_: int, now=AT, reason="one_click") -> None:
        with self.engine.begin() as conn:
            stop_all(conn, self.public_id(id_), reason=reason, now=now)

    def undo(self, id_: int, now=AT) -> str:
        with self.engine.begin() as conn:
            return undo_all(conn, self.public_id(id_), via="page", now=now)

    def stop_one(self, id_: int, ref, now=AT) -> str:
        target_id = self.target(ref)
        with self.engine.begin() as conn:
            return stop_one(conn, self.public_id(id_), target_id, via="page", now=now)

    def undo_one(self, id_: int, ref, now=AT) -> str:
        find = """SELECT public_id FROM subscriptions WHERE subscriber_id = :id AND target_id = :target
                  ORDER BY id DESC LIMIT 1"""
        subscription = self.sql(find, id=id_, target=self.target(ref))[0][0]
        with self.engine.begin() as conn:
            return undo_one(conn, self.public_id(id_), subscription, via="page", now=now)

    def send(self, now=AT) -> None:
        claim_batches(self.engine, ScriptedProvider(), now=now, limit=100)
        self.sql("UPDATE batches SET state = 'accepted' WHERE state = 'sending'")

    def read(self, id_: int) -> list[tuple[str, int]]:
        """[(condition, position)] of all accepted mail, in order."""
        return self.sql(
            """SELECT t.label, e.position FROM delivery_states v JOIN deliveries d USING (id)
               JOIN batches b ON b.id = d.batch_id JOIN edition_items i ON i.edition_id = b.edition_id
               JOIN targets t ON t.id = i.target_id JOIN change_events e ON e.id = i.event_id
               WHERE d.subscriber_id = :id AND v.state = 'accepted' ORDER BY b.id, e.position, t.label""",
            id=id_,
        )

    def sql(self, statement: str, **bind):
        with self.engine.begin() as conn:
            result = conn.execute(text(statement), bind)
            return [tuple(row) for row in result] if result.returns_rows else []
