"""Audiences: people who follow exactly the same set of (target, reach) share one row.

Everything here works on the temporary table `touched(subscriber_id)`, so that one person and a
million go the same way.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, text


def touch(conn: Connection, subscriber_ids: Iterable[int]) -> None:
    conn.execute(
        text("CREATE TEMP TABLE IF NOT EXISTS touched (subscriber_id bigint PRIMARY KEY) ON COMMIT DROP")
    )
    conn.execute(
        text("INSERT INTO touched SELECT unnest(CAST(:ids AS bigint[])) ON CONFLICT DO NOTHING"),
        {"ids": list(subscriber_ids)},
    )


def refresh_audiences(conn: Connection) -> None:
    """Point every touched subscriber at the audience of what they follow now (NULL: nothing)."""
    conn.execute(text("DROP TABLE IF EXISTS followed_sets"))
    conn.execute(
        text(
            """CREATE TEMP TABLE followed_sets ON COMMIT DROP AS
               SELECT subscriber_id,
                      sha256(convert_to(string_agg(target_id || ':' || reach, ',' ORDER BY target_id), 'UTF8')) AS key
               FROM touched JOIN subscriptions USING (subscriber_id)
               WHERE ended_at IS NULL GROUP BY subscriber_id"""
        )
    )
    conn.execute(text("ANALYZE followed_sets"))
    _add_missing_audiences(conn)
    conn.execute(
        text(
            """UPDATE subscribers s SET audience_id = a.id
               FROM touched t LEFT JOIN followed_sets f USING (subscriber_id) LEFT JOIN audiences a USING (key)
               WHERE s.id = t.subscriber_id AND s.audience_id IS DISTINCT FROM a.id"""
        )
    )


def _add_missing_audiences(conn: Connection) -> None:
    """Inserted in the order of their keys: two writers at once wait for one another, and never in a circle."""
    conn.execute(
        text(
            """WITH wanted AS (SELECT key, min(subscriber_id) AS example FROM followed_sets GROUP BY key),
                    added AS (INSERT INTO audiences (key) SELECT key FROM wanted ORDER BY key
                              ON CONFLICT (key) DO NOTHING RETURNING id, key)
               INSERT INTO audience_targets (audience_id, target_id, reach)
               SELECT a.id, s.target_id, s.reach
               FROM added a JOIN wanted w USING (key)
               JOIN subscriptions s ON s.subscriber_id = w.example AND s.ended_at IS NULL"""
        )
    )
