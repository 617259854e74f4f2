"""Which person gets to read what: events are joined to audiences, never to people one by one.

Works inside the planner's transaction on temporary tables:

    range_events(event_id, position, target_id, evidence)   what became visible in the range
    told_before(subscriber_id, event_id)                    what of it somebody has been told already
    recipients(subscriber_id, signature, locale, titles)    who has something to read
    signature_items(signature, event_id, target_id, evidence)

A signature says which targets matched. People whose range is that of their schedule share the signature of
their audience. People with a `resume_position` of their own (new, moved, changed) are matched subscription by
subscription; their signatures begin with `=`. Equal content ends in one edition either way.

An undo sets a person's range back to before what they missed. Of what lies in it they may have been told a part, for
another target: for these few (`partly_told`) the ledger is asked, so that no event is told twice.
"""

from datetime import datetime

from sqlalchemy import Connection, text

from notifier.conditions.targets import BROADER
from notifier.digests.runs import TAKES_PART, DueRun


def match_range(conn: Connection, due: DueRun, at: datetime, *, only: int | None = None) -> None:
    """Fill the temporary tables for everybody who takes part, over the positions up to `head`.

    `only` is the id of one person, who is matched alone, and also while their mail rests.
    """
    conn.execute(
        text(
            "DROP TABLE IF EXISTS range_events, told_before, hit_targets, hit_audiences, recipients, signature_items"
        )
    )
    bind = {
        "schedule_id": due.schedule_id,
        "immediate": due.immediate,
        "covered_to": due.covered_to,
        "head": due.head,
        "at": at,
        "only": only,
    }
    for statement in _FOR_EVERYBODY if only is None else _FOR_ONE:
        conn.execute(text(statement), bind)
    conn.execute(text("ANALYZE recipients, signature_items"))


_RANGE_EVENTS = """
CREATE TEMP TABLE range_events ON COMMIT DROP AS
SELECT e.id AS event_id, e.position, t.target_id, t.evidence
FROM change_events e JOIN event_targets t ON t.event_id = e.id
WHERE e.position <= :head AND e.position > LEAST(:covered_to, (
    SELECT min(s.resume_position) FROM subscribers s WHERE s.resume_position IS NOT NULL AND {takes_part}))
"""

# Mail that was held back because its reader had stopped or changed something told them nothing.
_TOLD_BEFORE = """
CREATE TEMP TABLE told_before ON COMMIT DROP AS
SELECT DISTINCT s.id AS subscriber_id, i.event_id
FROM subscribers s JOIN deliveries d ON d.subscriber_id = s.id JOIN batches b ON b.id = d.batch_id
JOIN edition_items i ON i.edition_id = b.edition_id
WHERE s.partly_told AND {takes_part}
  AND (d.state IS DISTINCT FROM 'skipped' OR d.reason NOT IN ('stopped', 'changed'))
  AND EXISTS (SELECT 1 FROM range_events e WHERE e.event_id = i.event_id)
"""

# Only these can match for people on the schedule's own range; `nearest` and `farthest` are the evidence there is.
_HIT_TARGETS = """
CREATE TEMP TABLE hit_targets ON COMMIT DROP AS
SELECT target_id, min(evidence) AS nearest, max(evidence) AS farthest
FROM range_events WHERE position > :covered_to GROUP BY target_id
"""

_HIT_AUDIENCES = """
CREATE TEMP TABLE hit_audiences ON COMMIT DROP AS
SELECT a.audience_id,
       string_agg(a.target_id || ':' || LEAST(a.reach, h.farthest), ',' ORDER BY a.target_id) AS signature
FROM hit_targets h JOIN audience_targets a USING (target_id)
WHERE h.nearest <= a.reach {audiences} GROUP BY a.audience_id
"""

_RECIPIENTS = """
CREATE TEMP TABLE recipients ON COMMIT DROP AS
SELECT s.id AS subscriber_id, h.signature, s.locale, s.titles_in_subject AS titles
FROM hit_audiences h JOIN subscribers s ON s.audience_id = h.audience_id
WHERE s.resume_position IS NULL AND {takes_part}
UNION ALL
SELECT s.id, '=' || string_agg(e.event_id || ':' || e.target_id || ':' || e.evidence, ','
                               ORDER BY e.event_id, e.target_id), s.locale, s.titles_in_subject
FROM subscribers s
JOIN subscriptions b ON b.subscriber_id = s.id AND b.ended_at IS NULL
JOIN range_events e ON e.target_id = b.target_id AND e.evidence <= b.reach
                   AND e.position > GREATEST(s.resume_position, b.start_position)
                   AND (e.evidence < {broader} OR e.position > COALESCE(b.wider_from, 0))
WHERE s.resume_position IS NOT NULL AND {takes_part}
  AND NOT EXISTS (SELECT 1 FROM told_before t WHERE t.subscriber_id = s.id AND t.event_id = e.event_id)
GROUP BY s.id
"""

_SHARED_ITEMS = """
CREATE TEMP TABLE signature_items ON COMMIT DROP AS
SELECT g.signature, e.event_id, e.target_id, e.evidence
FROM (SELECT DISTINCT signature FROM recipients WHERE signature NOT LIKE '=%') g
CROSS JOIN LATERAL unnest(string_to_array(g.signature, ',')) AS part
JOIN range_events e ON e.target_id = split_part(part, ':', 1)::int AND e.evidence <= split_part(part, ':', 2)::int
WHERE e.position > :covered_to
"""

_OWN_ITEMS = """
INSERT INTO signature_items
SELECT g.signature, split_part(part, ':', 1)::bigint, split_part(part, ':', 2)::int, split_part(part, ':', 3)::smallint
FROM (SELECT DISTINCT signature FROM recipients WHERE signature LIKE '=%') g
CROSS JOIN LATERAL unnest(string_to_array(substr(g.signature, 2), ',')) AS part
"""


def _filled(takes_part: str, audiences: str = "") -> tuple[str, ...]:
    statements = (
        _RANGE_EVENTS,
        _TOLD_BEFORE,
        _HIT_TARGETS,
        _HIT_AUDIENCES,
        _RECIPIENTS,
        _SHARED_ITEMS,
        _OWN_ITEMS,
    )
    return tuple(
        one.format(takes_part=takes_part, audiences=audiences, broader=BROADER) for one in statements
    )


_FOR_EVERYBODY = _filled(TAKES_PART)
_FOR_ONE = _filled(
    "s.id = :only AND s.state = 'active'",
    "AND a.audience_id = (SELECT audience_id FROM subscribers WHERE id = :only)",
)
