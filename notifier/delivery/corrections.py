"""Corrections: one mail in an operator's own words to exactly those who got certain others, once to each.

Whom it is for and what it says name a correction. Asked for again, it goes to those who have got the wrong mail since,
and to nobody twice: it is a run, and nobody has two deliveries of one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from notifier.db.locks import Lock, share
from notifier.delivery.audit import note_action
from notifier.delivery.batching import refresh_statistics, write_deliveries
from notifier.delivery.providers import largest_batch
from notifier.delivery.readers import Readers
from notifier.delivery.unwanted import ENDED_BY_US
from notifier.digests.corrections import CorrectionContent, checked_text
from notifier.errors import NotifierError
from notifier.registry.positions import head_position
from notifier.settings import Settings

PEOPLE_AT_A_TIME = 20_000
MOST_ROUNDS = 3
"""Of looking for who has moved to another schedule just then."""


@dataclass(frozen=True)
class PlannedCorrection:
    """`run` is the key of its run; None where there was nobody to send it to, and for a dry run.

    `people` get a delivery now; of them `suppressed` and `stopped` are going to be skipped by the claim. `already`
    have one from before. `in_doubt` may have got the wrong mail and are left out; for `on_its_way` it still waits.
    `earlier` is how many other corrections went to the same readers.
    """

    run: str | None
    people: int
    suppressed: int
    stopped: int
    already: int
    in_doubt: int
    on_its_way: int
    earlier: int


def plan_correction(
    engine: Engine,
    readers: Readers,
    words: str,
    *,
    with_doubt: bool,
    actor: str,
    note: str,
    now: datetime,
    settings: Settings,
    dry: bool = False,
) -> PlannedCorrection:
    """`with_doubt`: also to those who may have got the wrong mail, and may not. Some thousand people at a time, so that
    nobody waits for long; killed in between, it goes on where it was when it is asked for again.

    Raises NotifierError for a text that must not be mailed. Wake "send" afterwards.
    """
    words = checked_text(words, settings)
    with engine.connect() as conn:
        conn.detach()  # its temporary tables end with it
        plan = _Plan(conn, readers, words, actor, note, now, largest_batch(settings))
        first = left = plan.count(with_doubt)
        written = 0
        for _ in range(0 if dry else MOST_ROUNDS):
            parts = range(0, left.people, PEOPLE_AT_A_TIME)
            done = sum(map(plan.write, parts))
            written += done
            if done == left.people:
                break
            left = plan.count(with_doubt)
    if written > 10_000:
        refresh_statistics(engine)
    return first if dry else replace(first, people=written, run=plan.run if written else None)


def load_corrections(conn: Connection, batch_ids: list[int]) -> dict[int, CorrectionContent]:
    rows = conn.execute(
        text(
            """SELECT b.id, c.kind, e.locale, c.text
               FROM batches b JOIN corrections c ON c.run_id = b.run_id JOIN editions e ON e.id = b.edition_id
               WHERE b.id = ANY(:ids)"""
        ),
        {"ids": batch_ids},
    )
    return {row.id: CorrectionContent(row.kind, row.locale, row.text) for row in rows}


def newest_corrections(conn: Connection, limit: int) -> Sequence[Row[Any]]:
    """(run_id, run, kind, about, created_at, text), the newest first."""
    return conn.execute(
        text(
            """SELECT run_id, 'correction/' || id AS run, kind, about, created_at, text FROM corrections
               ORDER BY id DESC LIMIT :limit"""
        ),
        {"limit": limit},
    ).all()


@dataclass
class _Plan:
    conn: Connection
    readers: Readers
    words: str
    actor: str
    note: str
    now: datetime
    batch_size: int
    run: str | None = None
    is_noted: bool = False

    @property
    def _named(self) -> dict[str, str]:
        return {"kind": self.readers.kind, "about": self.readers.about, "words": self.words}

    @property
    def _key(self) -> bytes:
        return sha256(f"{self.readers.kind}|{self.readers.about}|{self.words}".encode()).digest()

    def count(self, with_doubt: bool) -> PlannedCorrection:
        """All whom it is about stand in the temporary table `correction_readers` afterwards."""
        with self.conn.begin():
            self._find()  # waits for another operator's part
            bind = {**self.readers.bind, **self._named, "with_doubt": with_doubt}
            for statement in (
                "DROP TABLE IF EXISTS correction_got, correction_had, correction_readers",
                _GOT.format(rows=self.readers.rows),
                _HAD,
                "ANALYZE correction_got, correction_had",  # or a million people are looked up one by one
                _READERS,
                "CREATE INDEX ON correction_readers (place) WHERE place IS NOT NULL",
                "ANALYZE correction_readers",
            ):
                self.conn.execute(text(statement), bind)
            counts: Row[Any] = self.conn.execute(text(_COUNTS)).one()
            earlier: int = self.conn.execute(
                text("SELECT count(*) FROM corrections WHERE about = :about AND key <> :key"),
                {"about": self.readers.about, "key": self._key},
            ).scalar_one()
        return PlannedCorrection(run=None, earlier=earlier, **counts._mapping)

    def write(self, first: int) -> int:
        """Deliveries for the people at these places; how many. Their schedules are held, so that nobody of them is
        being erased: a delivery to somebody who has just gone would point at nobody for ever."""
        bind = {"first": first, "last": first + PEOPLE_AT_A_TIME}
        with self.conn.begin():
            id_, run_id = self._open()
            share(self.conn, Lock.EDITIONS)
            held = hold_schedules_of(self.conn, bind)
            editions = self._editions(id_)
            self.conn.execute(text("DROP TABLE IF EXISTS planned_mail"))
            people = self.conn.execute(
                text(_PLANNED_MAIL),
                {
                    **bind,
                    "run_id": run_id,
                    "held": held,
                    "locales": list(editions),
                    "editions": list(editions.values()),
                },
            ).rowcount
            write_deliveries(self.conn, run_id, "correction", self.batch_size, self.now)
            if people and not self.is_noted:
                note_action(
                    self.conn, "correction_sent", str(self.run), self.note, actor=self.actor, now=self.now
                )
                self.is_noted = True
            return int(people)

    def _find(self) -> Row[Any] | None:
        find = text("SELECT id, run_id FROM corrections WHERE key = :key FOR UPDATE")
        return self.conn.execute(find, {"key": self._key}).one_or_none()

    def _open(self) -> tuple[int, int]:
        """(its number, its run's). Two operators at once: one waits here for the other's part."""
        bind = {**self._named, "key": self._key, "now": self.now, "head": head_position(self.conn)}
        found = self._find()  # first, as what is refused below has used up a number
        if not found:
            if self.conn.execute(text(_NEW), bind).rowcount:
                self.conn.execute(text(_NEW_RUN), bind)
            found = self._find()
        assert found
        if found.run_id is None:
            raise NotifierError(
                "This went out so long ago that nobody knows any more to whom.",
                "Change the text if it is to go out once more.",
            )
        self.run = f"correction/{found.id}"
        return found.id, found.run_id

    def _editions(self, id_: int) -> dict[str, int]:
        """By locale: the text is one, what stands around it is in the reader's own language."""
        locales = self.conn.execute(
            text("SELECT DISTINCT locale FROM correction_readers WHERE place IS NOT NULL")
        )
        keys = {
            locale: sha256(f"correction|{id_}|{locale}".encode()).digest() for locale in locales.scalars()
        }
        bind = {"keys": list(keys.values()), "locales": list(keys), "now": self.now}
        self.conn.execute(text(_NEW_EDITIONS), bind)
        find = text("SELECT locale, id FROM editions WHERE key = ANY(:keys)")
        return {row.locale: row.id for row in self.conn.execute(find, bind)}


def hold_schedules_of(conn: Connection, places: dict[str, int]) -> list[int]:
    return list(conn.execute(text(_HOLD), places).scalars())


_GOT = """
CREATE TEMP TABLE correction_got ON COMMIT DROP AS
SELECT subscriber_id, bool_or(state IN ('accepted', 'delivered')) AS got, bool_or(state = 'unknown') AS in_doubt
FROM ({rows}) x WHERE state IN ('accepted', 'delivered', 'unknown', 'planned', 'sending', 'retrying')
GROUP BY subscriber_id
"""

# The same words by another choice are the same correction: whoever got an edition may be among the readers of its
# event, too. Each withdrawal is an accident of its own.
_HAD = """
CREATE TEMP TABLE correction_had ON COMMIT DROP AS
SELECT DISTINCT d.subscriber_id
FROM corrections c JOIN batches b ON b.run_id = c.run_id JOIN deliveries d ON d.batch_id = b.id
WHERE c.kind = :kind AND c.text = :words AND (c.kind = 'correction' OR c.about = :about)
"""

# Whoever is erased has no row in `subscribers`. `place`: their turn, those of one schedule together.
_READERS = f"""
CREATE TEMP TABLE correction_readers AS
SELECT *, CASE WHEN chosen AND NOT already
               THEN row_number() OVER (PARTITION BY chosen AND NOT already ORDER BY schedule_id, subscriber_id)
          END AS place
FROM (
  SELECT s.id AS subscriber_id, s.schedule_id, s.locale, s.email_key, s.state, s.audience_id, r.got, r.in_doubt,
         {ENDED_BY_US} AS left_by_us,
         r.got OR r.in_doubt AND :with_doubt AS chosen,
         h.subscriber_id IS NOT NULL AS already
  FROM correction_got r JOIN subscribers s ON s.id = r.subscriber_id
  LEFT JOIN correction_had h ON h.subscriber_id = s.id) y
"""

_COUNTS = """
SELECT count(place) AS people,
       count(place) FILTER (WHERE p.email_key IS NOT NULL) AS suppressed,
       count(place) FILTER (WHERE p.email_key IS NULL
                            AND (r.state <> 'active' OR r.audience_id IS NULL AND NOT r.left_by_us)) AS stopped,
       count(*) FILTER (WHERE already) AS already,
       count(*) FILTER (WHERE in_doubt AND NOT chosen AND NOT already) AS in_doubt,
       count(*) FILTER (WHERE NOT got AND NOT in_doubt AND NOT already) AS on_its_way
FROM correction_readers r LEFT JOIN suppressions p USING (email_key)
"""

_NEW = """
INSERT INTO corrections (key, kind, about, text, created_at) VALUES (:key, :kind, :about, :words, :now)
ON CONFLICT (key) DO NOTHING
"""

_NEW_RUN = """
WITH run AS (
  INSERT INTO runs (key, from_position, to_position, planned_at)
  SELECT 'correction/' || id, :head, :head, :now FROM corrections WHERE key = :key RETURNING id)
UPDATE corrections SET run_id = run.id FROM run WHERE corrections.key = :key
"""

_NEW_EDITIONS = """
INSERT INTO editions (key, locale, created_at)
SELECT key, locale, :now FROM unnest(CAST(:keys AS bytea[]), CAST(:locales AS text[])) AS e (key, locale) ORDER BY key
ON CONFLICT (key) DO NOTHING
"""

_HOLD = """
SELECT id FROM schedules
WHERE id IN (SELECT s.schedule_id FROM correction_readers r JOIN subscribers s ON s.id = r.subscriber_id
             WHERE r.place > :first AND r.place <= :last)
ORDER BY id FOR NO KEY UPDATE
"""

# Whoever has one since they were counted is looked up by their index, one by one: "one in some million rows" is what
# the statistics say of a run that is being written, and then all of its rows would be compared with all people.
_PLANNED_MAIL = """
CREATE TEMP TABLE planned_mail ON COMMIT DROP AS
SELECT r.subscriber_id, e.id AS edition_id
FROM correction_readers r JOIN subscribers s ON s.id = r.subscriber_id AND s.schedule_id = ANY(:held)
JOIN unnest(CAST(:locales AS text[]), CAST(:editions AS bigint[])) AS e (locale, id) ON e.locale = r.locale
LEFT JOIN LATERAL (SELECT o.run_id FROM deliveries o
                   WHERE o.subscriber_id = r.subscriber_id AND o.run_id = :run_id LIMIT 1) had ON true
WHERE r.place > :first AND r.place <= :last AND had.run_id IS NULL
"""
