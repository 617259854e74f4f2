"""From what people type to what is stored."""

import re
from dataclasses import dataclass, field

from sqlalchemy import Connection, text

from notifier.conditions.normal_form import BadCondition, clean_condition, normal_form
from notifier.conditions.vocabulary import How, named

MAX_SUGGESTIONS = 20

_BY_KEY = text("SELECT label, concept_id FROM targets WHERE kind = 'condition' AND known AND key = :key")
_BY_WORDS = text(
    """
SELECT label, concept_id FROM targets
WHERE kind = 'condition' AND known AND to_tsvector('simple', label) @@ to_tsquery('simple', :query)
ORDER BY key = :key DESC, concept_id IS NULL, length(label), label
LIMIT :limit
"""
)


@dataclass(frozen=True, slots=True)
class PhraseMatch:
    """What a phrase means here. `concept` is {"id", "name"}; the id is the normal form where no MeSH id is known.

    Found by a study's own words (exact, normal_form), else in the vocabulary that was loaded, if one was: as a heading
    (normal_form), another name of it (synonym), or something narrower or related (entry_term)."""

    phrase: str
    concept: dict[str, str] | None
    how: How
    qualifiers: list[str] = field(default_factory=list)  # a vocabulary will fill it: "metastatic", "stage IV"


@dataclass(frozen=True, slots=True)
class Suggestion:
    label: str
    concept_id: str | None


def match_phrase(conn: Connection, phrase: str) -> PhraseMatch:
    """Never raises for bad text: a phrase that cannot be a condition means nothing here."""
    try:
        clean = clean_condition(phrase)
    except BadCondition:
        return PhraseMatch(phrase, None, "none")
    row = conn.execute(_BY_KEY, {"key": normal_form(clean)}).one_or_none()
    if row is None:
        return _in_vocabulary(conn, phrase, normal_form(clean))
    concept = {"id": row.concept_id or normal_form(clean), "name": row.label}
    return PhraseMatch(
        phrase, concept, "exact" if row.label.casefold() == clean.casefold() else "normal_form"
    )


def _in_vocabulary(conn: Connection, phrase: str, key: str) -> PhraseMatch:
    found = named(conn, key)
    if found is None:
        return PhraseMatch(phrase, None, "none")
    concept_id, heading, how = found
    return PhraseMatch(phrase, {"id": concept_id, "name": heading}, how)


def suggest(conn: Connection, query: str, limit: int = 10) -> list[Suggestion]:
    """Conditions with all words of `query`; the last of them may be unfinished."""
    words = re.findall(r"[^\W_]+", query.replace("\0", " "))[:8]
    if not words:
        return []
    rows = conn.execute(
        _BY_WORDS,
        {
            "query": " & ".join([*words[:-1], f"{words[-1]}:*"]),
            "key": normal_form(query),
            "limit": max(1, min(limit, MAX_SUGGESTIONS)),
        },
    )
    return [Suggestion(row.label, row.concept_id) for row in rows]
