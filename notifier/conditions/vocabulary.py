"""Names of conditions from a vocabulary, to say what a phrase means. What people follow, and which studies they hear
of, is not decided by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, text

from notifier.conditions.labels import natural_order
from notifier.conditions.mesh import Descriptor
from notifier.conditions.normal_form import normal_form

HEADING, SYNONYM, RELATED = 0, 1, 2
How = Literal["exact", "normal_form", "synonym", "entry_term", "none"]
HOW: dict[int, How] = {HEADING: "normal_form", SYNONYM: "synonym", RELATED: "entry_term"}


@dataclass(frozen=True)
class Loaded:
    """`read`: descriptors in the file; all else is about names of conditions."""

    read: int
    conditions: int
    names: int
    new: int
    changed: int
    removed: int


def load_vocabulary(conn: Connection, descriptors: Iterable[Descriptor]) -> Loaded:
    """Afterwards the vocabulary is what the file says, however often it is loaded."""
    read, conditions = 0, 0
    names: dict[tuple[str, str], tuple[str, int]] = {}
    for descriptor in descriptors:
        read += 1
        if descriptor.is_condition:
            conditions += 1
            _add(names, descriptor)
    rows = sorted((key, concept, name, rank) for (key, concept), (name, rank) in names.items())
    columns = dict(
        zip(("keys", "concepts", "names", "ranks"), map(list, zip(*rows, strict=True)), strict=False)
    )
    removed = conn.execute(text(_REMOVE), columns).rowcount if rows else 0
    written = conn.execute(text(_WRITE), columns).scalars().all() if rows else []
    return Loaded(read, conditions, len(rows), sum(written), len(written) - sum(written), removed)


def stored_names(conn: Connection) -> int:
    return int(conn.execute(text("SELECT count(*) FROM condition_names")).scalar_one())


def named(conn: Connection, key: str) -> tuple[str, str, How] | None:
    """(MeSH id, heading, how it was found) of what this normal form means; None where it is not known, or where it
    means two things equally."""
    rows = conn.execute(text(_NAMED), {"key": key}).all()
    if not rows or (len(rows) > 1 and rows[0].rank == rows[1].rank):
        return None
    return rows[0].concept_id, rows[0].heading, HOW[rows[0].rank]


def _add(names: dict[tuple[str, str], tuple[str, int]], descriptor: Descriptor) -> None:
    """The heading first, so that an entry term that only writes it otherwise does not take its place."""
    heading = natural_order(descriptor.heading)
    ranked = [(heading, HEADING), (descriptor.heading, HEADING)]
    ranked += [(term, SYNONYM if same else RELATED) for term, same in descriptor.terms.items()]
    for term, rank in sorted(ranked, key=lambda pair: pair[1]):
        if key := normal_form(term):
            names.setdefault((key, descriptor.id), (heading, rank))


_WANTED = """
WITH wanted AS (
  SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:concepts AS text[]), CAST(:names AS text[]),
                       CAST(:ranks AS smallint[])) AS w(key, concept_id, heading, rank))
"""

_REMOVE = (
    _WANTED
    + """
DELETE FROM condition_names n
WHERE NOT EXISTS (SELECT 1 FROM wanted w WHERE w.key = n.key AND w.concept_id = n.concept_id)
"""
)

# True for a new row, false for one that was changed.
_WRITE = (
    _WANTED
    + """
INSERT INTO condition_names AS n (key, concept_id, heading, rank) SELECT * FROM wanted
ON CONFLICT (key, concept_id) DO UPDATE SET heading = EXCLUDED.heading, rank = EXCLUDED.rank
WHERE (n.heading, n.rank) IS DISTINCT FROM (EXCLUDED.heading, EXCLUDED.rank)
RETURNING xmax = 0
"""
)

_NAMED = """
SELECT concept_id, heading, rank FROM condition_names WHERE key = :key ORDER BY rank, concept_id LIMIT 2
"""
