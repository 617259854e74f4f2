"""Editions: one for each distinct content, whoever reads it and in whichever run."""

from datetime import date, datetime
from functools import lru_cache
from typing import Literal

import orjson
from sqlalchemy import Connection, text

from notifier.db.locks import Lock, share
from notifier.digests.content import Card, EditionContent, Item, Reason

KEPT_EVENTS = 512  # a day's news; each some kilobytes
KEPT_REASONS = 4096


def write_editions(conn: Connection, at: datetime) -> None:
    """Make the editions that are new, and point every row of `recipients` at its own (`planned_mail`).

    Inserted in the order of their keys, so that two planners at once never wait in a circle.
    """
    share(conn, Lock.EDITIONS)  # so that none goes between being found and being used
    conn.execute(text("DROP TABLE IF EXISTS wanted_editions, planned_mail"))
    for statement in (
        _WANTED_EDITIONS,
        "ANALYZE wanted_editions",
        _ADD_EDITIONS,
        _PLANNED_MAIL,
        "ANALYZE planned_mail",
    ):
        conn.execute(text(statement), {"at": at})


_WANTED_EDITIONS = """
CREATE TEMP TABLE wanted_editions ON COMMIT DROP AS
SELECT r.signature, r.locale, r.titles,
       sha256(convert_to(concat_ws('|', c.items, r.locale, r.titles), 'UTF8')) AS key
FROM (SELECT DISTINCT signature, locale, titles FROM recipients) r
JOIN (SELECT signature, string_agg(event_id || ':' || target_id || ':' || evidence, ','
                                   ORDER BY event_id, target_id) AS items
      FROM signature_items GROUP BY signature) c USING (signature)
"""

_ADD_EDITIONS = """
WITH added AS (
  INSERT INTO editions (key, locale, titles_in_subject, created_at)
  SELECT DISTINCT key, locale, titles, CAST(:at AS timestamptz) FROM wanted_editions ORDER BY key
  ON CONFLICT (key) DO NOTHING RETURNING id, key)
INSERT INTO edition_items (edition_id, event_id, target_id, evidence)
SELECT a.id, i.event_id, i.target_id, i.evidence
FROM added a
JOIN (SELECT key, min(signature) AS signature FROM wanted_editions GROUP BY key) w USING (key)
JOIN signature_items i USING (signature)
"""

_PLANNED_MAIL = """
CREATE TEMP TABLE planned_mail ON COMMIT DROP AS
SELECT r.subscriber_id, e.id AS edition_id
FROM recipients r
JOIN wanted_editions w USING (signature, locale, titles)
JOIN editions e USING (key)
"""


def load_editions(conn: Connection, edition_ids: list[int]) -> dict[int, EditionContent]:
    """The content of these editions, ready to be rendered. An event that stands in several is read once."""
    editions = conn.execute(
        text("SELECT id, locale, titles_in_subject FROM editions WHERE id = ANY(:ids)"), {"ids": edition_ids}
    ).all()
    reasons: dict[int, dict[int, list[Reason]]] = {row.id: {} for row in editions}
    for edition_id, event_id, *why in conn.execute(text(_REASONS), {"ids": edition_ids}):
        reasons[edition_id].setdefault(event_id, []).append(_reason(*why))
    events = _load_events(conn, {event_id for found in reasons.values() for event_id in found})
    return {
        row.id: EditionContent(
            row.locale,
            row.titles_in_subject,
            tuple(events[id_].because(found) for id_, found in reasons[row.id].items()),
        )
        for row in editions
    }


_REASONS = """
SELECT i.edition_id, i.event_id, t.kind, t.label, i.evidence, i.target_id
FROM edition_items i JOIN targets t ON t.id = i.target_id JOIN change_events e ON e.id = i.event_id
WHERE i.edition_id = ANY(:ids)
ORDER BY i.edition_id, e.position, t.kind DESC, i.evidence, t.label
"""

_reason = lru_cache(KEPT_REASONS)(Reason)  # the same in thousands of editions

_EVENTS = """
SELECT e.id, e.kind, e.changes::text AS changes, e.study::text AS study, e.position, e.occurred_on,
       s.nct_id, c.question, c.summary, c.what_this_could_mean, c.active_substance, c.what_it_could_lead_to,
       c.what_could_go_wrong
FROM change_events e
JOIN studies s ON s.id = e.study_id
LEFT JOIN study_cards c ON c.nct_id = s.nct_id
WHERE e.id = ANY(:ids)
"""


def _load_events(conn: Connection, event_ids: set[int]) -> dict[int, Item]:
    """Without reasons: those are the edition's own."""
    rows = conn.execute(text(_EVENTS), {"ids": sorted(event_ids)})
    return {event_id: _item(*rest) for event_id, *rest in rows}


@lru_cache(KEPT_EVENTS)
def _item(
    kind: Literal["new_study", "study_changed"],
    changes: str,
    study: str,
    position: int,
    occurred_on: date | None,
    nct_id: str,
    question: str | None,
    *parts: str | None,
) -> Item:
    """The same for the same row: what is worked out of an event is kept with it from one round to the next. `parts`
    of the card stand as in `Card`."""
    return Item(
        nct_id=nct_id,
        kind=kind,
        changes=orjson.loads(changes),
        study=orjson.loads(study),
        card=Card(question, *(part or "" for part in parts)) if question else None,
        reasons=(),
        position=position,
        occurred_on=occurred_on,
    )
