"""Corrections: one mail in an operator's own words to exactly those who got certain others, once to each.

Whom it is for and what it says name a correction. Asked for again, it goes to those who have got the wrong mail since,
and to nobody twice: it is a run, and nobody has two deliveries of one run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, Row, text

from notifier.db.locks import Lock, share
from notifier.delivery.audit import note_action
from notifier.delivery.batching import refresh_statistics, write_deliveries
from notifier.delivery.providers import largest_batch
from notifier.delivery.readers import Readers
from notifier.digests.corrections import CorrectionContent, checked_text
from notifier.errors import NotifierError
from notifier.registry.positions import head_position
from notifier.settings import Settings


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
    """All of it is there, or none. `with_doubt`: also to those who may have got the wrong mail, and may not.

    Raises NotifierError for a text that must not be mailed. Wake "send" afterwards.
    """
    words = checked_text(words, settings)
    bind = {"with_doubt": with_doubt, "now": now}
    with engine.begin() as conn:
        found = _find(conn, readers, words)
        if dry:
            return _counted(conn, readers, found, bind)
        # Nobody is being erased meanwhile: a delivery to somebody who has just gone would point at nobody.
        conn.execute(text("SELECT id FROM schedules ORDER BY id FOR NO KEY UPDATE")).all()
        share(conn, Lock.EDITIONS)
        found = _open(conn, readers, words, now)
        planned = _counted(conn, readers, found, bind)
        if planned.people == 0:
            conn.rollback()
            return planned
        _write_mail(conn, found, largest_batch(settings), bind)
        run = f"correction/{found.id}"
        note_action(conn, "correction_sent", run, note, actor=actor, now=now)
    if planned.people > 10_000:
        refresh_statistics(engine)
    return PlannedCorrection(**{**planned.__dict__, "run": run})


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


@dataclass(frozen=True)
class _Correction:
    id: int | None
    run_id: int | None


def _key(readers: Readers, words: str) -> bytes:
    return sha256(f"{readers.kind}|{readers.about}|{words}".encode()).digest()


def _find(conn: Connection, readers: Readers, words: str) -> _Correction:
    row = conn.execute(
        text("SELECT id, run_id FROM corrections WHERE key = :key FOR UPDATE"), {"key": _key(readers, words)}
    ).one_or_none()
    return _Correction(row.id, row.run_id) if row else _Correction(None, None)


def _open(conn: Connection, readers: Readers, words: str, now: datetime) -> _Correction:
    """Two operators at once: the second waits for the first, and then finds it."""
    added = conn.execute(
        text(
            """INSERT INTO corrections (key, kind, about, text, created_at)
               VALUES (:key, :kind, :about, :words, :now) ON CONFLICT (key) DO NOTHING RETURNING id"""
        ),
        {
            "key": _key(readers, words),
            "kind": readers.kind,
            "about": readers.about,
            "words": words,
            "now": now,
        },
    ).scalar_one_or_none()
    if added is None:
        found = _find(conn, readers, words)
        if found.run_id is None:
            raise NotifierError(
                "This went out so long ago that nobody knows any more to whom.",
                "Change the text if it is to go out once more.",
            )
        return found
    run_id: int = conn.execute(
        text(
            """WITH run AS (INSERT INTO runs (key, from_position, to_position, planned_at)
                            VALUES ('correction/' || :id, :head, :head, :now) RETURNING id)
               UPDATE corrections SET run_id = run.id FROM run WHERE corrections.id = :id RETURNING run_id"""
        ),
        {"id": added, "head": head_position(conn), "now": now},
    ).scalar_one()
    return _Correction(added, run_id)


def _counted(
    conn: Connection, readers: Readers, found: _Correction, bind: dict[str, Any]
) -> PlannedCorrection:
    conn.execute(text("DROP TABLE IF EXISTS correction_readers"))
    conn.execute(text(_READERS.format(rows=readers.rows)), {**readers.bind, **bind, "run_id": found.run_id})
    conn.execute(text("ANALYZE correction_readers"))
    counts: Row[Any] = conn.execute(text(_COUNTS)).one()
    earlier: int = conn.execute(
        text("SELECT count(*) FROM corrections WHERE about = :about AND id IS DISTINCT FROM :id"),
        {"about": readers.about, "id": found.id},
    ).scalar_one()
    return PlannedCorrection(run=None, earlier=earlier, **counts._mapping)


# Whoever is erased has no row in `subscribers`.
_READERS = """
CREATE TEMP TABLE correction_readers ON COMMIT DROP AS
SELECT s.id AS subscriber_id, s.locale, s.email_key, s.state, s.audience_id,
       s.audience_id IS NULL AND EXISTS (SELECT 1 FROM subscriptions u WHERE u.subscriber_id = s.id
                                         AND u.ended_reason = 'withdrawn') AS left_by_us,
       r.got OR r.in_doubt AND :with_doubt AS chosen, r.got, r.in_doubt,
       EXISTS (SELECT 1 FROM deliveries o WHERE o.subscriber_id = s.id AND o.run_id = CAST(:run_id AS int)) AS already
FROM (SELECT subscriber_id, bool_or(state IN ('accepted', 'delivered')) AS got, bool_or(state = 'unknown') AS in_doubt
      FROM ({rows}) x WHERE state IN ('accepted', 'delivered', 'unknown', 'planned', 'sending', 'retrying')
      GROUP BY subscriber_id) r
JOIN subscribers s ON s.id = r.subscriber_id
"""

_COUNTS = """
SELECT count(*) FILTER (WHERE chosen AND NOT already) AS people,
       count(*) FILTER (WHERE chosen AND NOT already AND p.email_key IS NOT NULL) AS suppressed,
       count(*) FILTER (WHERE chosen AND NOT already AND p.email_key IS NULL
                          AND (r.state <> 'active' OR r.audience_id IS NULL AND NOT r.left_by_us)) AS stopped,
       count(*) FILTER (WHERE already) AS already,
       count(*) FILTER (WHERE in_doubt AND NOT chosen AND NOT already) AS in_doubt,
       count(*) FILTER (WHERE NOT got AND NOT in_doubt AND NOT already) AS on_its_way
FROM correction_readers r LEFT JOIN suppressions p USING (email_key)
"""


def _write_mail(conn: Connection, found: _Correction, batch_size: int, bind: dict[str, Any]) -> None:
    locales = list(
        conn.execute(text("SELECT DISTINCT locale FROM correction_readers WHERE chosen")).scalars()
    )
    editions = {locale: _edition(conn, found, locale, bind["now"]) for locale in sorted(locales)}
    conn.execute(text("DROP TABLE IF EXISTS planned_mail"))
    conn.execute(
        text(
            """CREATE TEMP TABLE planned_mail ON COMMIT DROP AS
               SELECT r.subscriber_id, e.id AS edition_id
               FROM correction_readers r
               JOIN unnest(CAST(:locales AS text[]), CAST(:editions AS bigint[])) AS e (locale, id) USING (locale)
               WHERE r.chosen AND NOT r.already"""
        ),
        {"locales": list(editions), "editions": list(editions.values())},
    )
    assert found.run_id is not None
    write_deliveries(conn, found.run_id, "correction", batch_size, bind["now"])


def _edition(conn: Connection, found: _Correction, locale: str, now: datetime) -> int:
    """The text is one, what stands around it is in the reader's own language."""
    key = sha256(f"correction|{found.id}|{locale}".encode()).digest()
    conn.execute(
        text(
            """INSERT INTO editions (key, locale, created_at) VALUES (:key, :locale, :now)
               ON CONFLICT (key) DO NOTHING"""
        ),
        {"key": key, "locale": locale, "now": now},
    )
    edition_id: int = conn.execute(
        text("SELECT id FROM editions WHERE key = :key"), {"key": key}
    ).scalar_one()
    return edition_id
