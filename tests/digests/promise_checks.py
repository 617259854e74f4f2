"""What the tables say: which mails were planned, and what must be true of the ledger whatever happened."""

from datetime import timedelta

from sqlalchemy import Engine, text

from tests.digests.promise_model import Mail

KEPT = ("installation", "alembic_version")


def empty_tables(engine: Engine) -> None:
    with engine.begin() as conn:
        names = conn.execute(
            text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(:kept)"),
            {"kept": list(KEPT)},
        ).scalars()
        conn.execute(text(f"TRUNCATE {', '.join(sorted(names))}"))


def studied(engine: Engine) -> None:
    """Studies have been about all these conditions: an erasure does not take the words away from the others."""
    with engine.begin() as conn:
        conn.execute(text("UPDATE targets SET known = true"))


def mails_since(engine: Engine, batch_id: int) -> tuple[list[tuple[int, Mail]], int]:
    """[(reader, mail)] of the batches after this one, and the last batch."""
    with engine.connect() as conn:
        rows = conn.execute(text(_MAILS), {"batch_id": batch_id}).all()
    mails = [
        (
            row.subscriber_id,
            Mail(row.created_at, row.locale, row.titles, frozenset(map(tuple, row.reasons))),
        )
        for row in rows
    ]
    return mails, max((row.batch_id for row in rows), default=batch_id)


_MAILS = """
SELECT d.subscriber_id, b.created_at, b.id AS batch_id, e.locale, e.titles_in_subject AS titles,
       (SELECT json_agg(json_build_array(i.event_id, i.target_id, i.evidence))
        FROM edition_items i WHERE i.edition_id = e.id) AS reasons
FROM deliveries d JOIN batches b ON b.id = d.batch_id JOIN editions e ON e.id = b.edition_id
WHERE b.id > :batch_id ORDER BY b.id
"""


def check_ledger(engine: Engine, quiet: timedelta) -> None:
    """When all has come to rest, no row of any of these queries may exist."""
    with engine.connect() as conn:
        found = {rule: conn.execute(text(query), {"quiet": quiet}).all() for rule, query in _NEVER.items()}
    assert {rule: rows for rule, rows in found.items() if rows} == {}


_TOLD = """
(SELECT d.id AS delivery_id, d.subscriber_id, b.created_at, i.event_id, i.target_id, i.evidence, e.position
 FROM deliveries d JOIN batches b ON b.id = d.batch_id JOIN edition_items i USING (edition_id)
 JOIN change_events e ON e.id = i.event_id
 WHERE d.subscriber_id IS NOT NULL AND d.state IS DISTINCT FROM 'skipped')
"""

_NEVER = {
    "an event told twice": f"""
        SELECT subscriber_id, event_id FROM {_TOLD} t
        GROUP BY subscriber_id, event_id HAVING count(DISTINCT delivery_id) > 1""",
    "two digests for one person in one run": """
        SELECT subscriber_id, run_id FROM deliveries WHERE subscriber_id IS NOT NULL
        GROUP BY subscriber_id, run_id HAVING count(*) > 1""",
    "an event told outside of the consent": f"""
        SELECT * FROM {_TOLD} t WHERE NOT EXISTS (
            SELECT 1 FROM subscriptions b
            WHERE b.subscriber_id = t.subscriber_id AND b.target_id = t.target_id
              AND (b.reach >= t.evidence OR b.id IN (SELECT subscription_id FROM subscription_changes c
                                                     WHERE c.action = 'reach' AND c.at >= t.created_at))
              AND b.start_position < t.position AND COALESCE(b.ended_at >= t.created_at, true))""",
    "an event that somebody follows to this day and was not told of": f"""
        SELECT b.subscriber_id, e.id, b.target_id
        FROM subscriptions b JOIN event_targets t ON t.target_id = b.target_id AND t.evidence <= b.reach
        JOIN change_events e ON e.id = t.event_id AND e.position > b.start_position
        WHERE b.ended_at IS NULL AND (t.evidence < 4 OR e.position > COALESCE(b.wider_from, 0)) AND NOT EXISTS (
            SELECT 1 FROM {_TOLD} t
            WHERE t.subscriber_id = b.subscriber_id AND t.event_id = e.id
              AND (t.target_id = b.target_id OR b.id IN (SELECT subscription_id FROM subscription_changes c
                                                         WHERE c.action = 'undo')))""",
    "a reason that the event does not have": f"""
        SELECT * FROM {_TOLD} t WHERE NOT EXISTS (
            SELECT 1 FROM event_targets e
            WHERE e.event_id = t.event_id AND e.target_id = t.target_id AND e.evidence = t.evidence)""",
    "a batch of another size than its deliveries": """
        SELECT b.id, b.size FROM batches b LEFT JOIN deliveries d ON d.batch_id = b.id
        GROUP BY b.id HAVING count(d.id) <> b.size OR b.size = 0""",
    "a delivery of another run than its batch": """
        SELECT d.id FROM deliveries d JOIN batches b ON b.id = d.batch_id WHERE d.run_id <> b.run_id""",
    "an edition with nothing in it": """
        SELECT id FROM editions WHERE NOT EXISTS (SELECT 1 FROM edition_items i WHERE i.edition_id = editions.id)""",
    "two immediate mails within the quiet interval": """
        SELECT * FROM (
            SELECT d.subscriber_id, b.created_at,
                   lag(b.created_at) OVER (PARTITION BY d.subscriber_id ORDER BY b.created_at) AS before
            FROM deliveries d JOIN batches b ON b.id = d.batch_id
            JOIN runs r ON r.id = b.run_id JOIN schedules c ON c.id = r.schedule_id
            WHERE c.frequency = 'immediate' AND d.subscriber_id IS NOT NULL) x
        WHERE created_at < before + :quiet""",
    "a gap in the positions": """
        SELECT count(*), max(position) FROM change_events HAVING count(*) <> COALESCE(max(position), 0)""",
    "an audience that is not what its people follow": """
        SELECT s.id FROM subscribers s WHERE
            (SELECT array_agg((target_id, reach)::text ORDER BY target_id) FROM subscriptions b
             WHERE b.subscriber_id = s.id AND b.ended_at IS NULL)
            IS DISTINCT FROM
            (SELECT array_agg((target_id, reach)::text ORDER BY target_id) FROM audience_targets a
             WHERE a.audience_id = s.audience_id)""",
    "an audience that two rows share": """
        SELECT audience_id FROM (
            SELECT audience_id, string_agg(target_id || ':' || reach, ',' ORDER BY target_id) AS targets
            FROM audience_targets GROUP BY audience_id) x
        WHERE EXISTS (SELECT 1 FROM (
            SELECT audience_id, string_agg(target_id || ':' || reach, ',' ORDER BY target_id) AS targets
            FROM audience_targets GROUP BY audience_id) y
            WHERE y.targets = x.targets AND y.audience_id <> x.audience_id)""",
}
