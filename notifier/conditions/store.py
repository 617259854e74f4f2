"""Targets in the database."""

from collections.abc import Iterable

from sqlalchemy import Connection, text

from notifier.conditions.targets import TargetRef

TargetIds = dict[tuple[str, str], int]

_WANTED = """
WITH wanted AS (
    SELECT * FROM unnest(CAST(:kinds AS text[]), CAST(:keys AS text[]),
                         CAST(:labels AS text[]), CAST(:concepts AS text[])) AS w(kind, key, label, concept_id)
)
"""
_FIND = text(
    _WANTED
    + """
SELECT t.id, t.kind, t.key, t.known,
       t.concept_id IS NULL AND w.concept_id IS NOT NULL OR :known AND NOT t.known AS unnamed
FROM wanted w JOIN targets t USING (kind, key)
"""
)
# In one order everywhere, so that two writers wait for each other and never in a circle.
_INSERT = text(
    _WANTED
    + """
INSERT INTO targets (kind, key, label, concept_id, known)
SELECT kind, key, label, concept_id, :known FROM wanted ORDER BY kind COLLATE "C", key COLLATE "C"
ON CONFLICT (kind, key) DO NOTHING
"""
)
# People may follow a condition long before a study is about it, and a registrant's words may be stored long before a
# heading with a MeSH id is seen for them. Whoever holds the row is writing the same, so it is passed over.
_NAME = text(
    _WANTED
    + """
UPDATE targets t
SET concept_id = COALESCE(t.concept_id, w.concept_id), known = t.known OR :known,
    label = CASE WHEN :known AND NOT t.known THEN w.label ELSE t.label END
FROM wanted w
WHERE t.kind = w.kind AND t.key = w.key AND t.id IN (
    SELECT t.id FROM targets t JOIN wanted USING (kind, key)
    WHERE t.concept_id IS NULL OR NOT t.known FOR UPDATE OF t SKIP LOCKED
)
"""
)
# What no study is about may be forgotten with the last person who asked for it: held, it stays while we use it.
_HOLD = text(
    _WANTED
    + """
SELECT t.id, t.kind, t.key FROM wanted w JOIN targets t USING (kind, key)
WHERE NOT t.known ORDER BY t.id FOR KEY SHARE OF t
"""
)


def store_targets(conn: Connection, refs: Iterable[TargetRef], *, known: bool = False) -> TargetIds:
    """Return the ids by (kind, key); missing targets are made. `known`: these are what a study is about, in the
    registry's words.

    Call it once in a transaction, with all that the transaction needs: each call takes locks in order,
    two calls may not.
    """
    wanted = {(ref.kind, ref.key): ref for ref in refs}
    ids, unnamed, loose = _find(conn, wanted.values(), known)
    if len(ids) < len(wanted):
        missing = _columns(ref for key, ref in wanted.items() if key not in ids)
        conn.execute(_INSERT, {**missing, "known": known})
        ids, _, _ = _find(conn, wanted.values(), known)
    if unnamed:
        conn.execute(_NAME, {**_columns(wanted[key] for key in unnamed), "known": known})
    if loose and _lost(conn, [wanted[key] for key in loose]):
        return store_targets(conn, wanted.values(), known=known)
    return ids


def _find(
    conn: Connection, refs: Iterable[TargetRef], known: bool
) -> tuple[TargetIds, list[tuple[str, str]], list[tuple[str, str]]]:
    """(ids, those to be named, those that no study was about until now)"""
    rows = conn.execute(_FIND, {**_columns(refs), "known": known}).all()
    return (
        {(row.kind, row.key): row.id for row in rows},
        [(row.kind, row.key) for row in rows if row.unnamed],
        [(row.kind, row.key) for row in rows if not row.known],
    )


def _lost(conn: Connection, refs: list[TargetRef]) -> bool:
    """Whether one of these was forgotten before we held it; one that a study is about by now stays anyway."""
    conn.execute(_HOLD, _columns(refs)).all()
    return len(_find(conn, refs, False)[0]) < len(refs)


def _columns(refs: Iterable[TargetRef]) -> dict[str, list[str] | list[str | None]]:
    refs = list(refs)
    return {
        "kinds": [ref.kind for ref in refs],
        "keys": [ref.key for ref in refs],
        "labels": [ref.label for ref in refs],
        "concepts": [ref.concept_id for ref in refs],
    }
