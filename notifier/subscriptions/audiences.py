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
    add_audiences(
        conn,
        """SELECT subscriber_id AS owner, target_id, reach FROM touched JOIN subscriptions USING (subscriber_id)
           WHERE ended_at IS NULL""",
    )
    conn.execute(
        text(
            """UPDATE subscribers s SET audience_id = a.id
               FROM touched t LEFT JOIN followed_sets f ON f.owner = t.subscriber_id LEFT JOIN audiences a USING (key)
               WHERE s.id = t.subscriber_id AND s.audience_id IS DISTINCT FROM a.id"""
        )
    )


def add_audiences(conn: Connection, wishes: str) -> None:
    """Make the audiences that are missing. `wishes` is a query of (owner, target_id, reach), a target once for each
    owner; what comes of it stands in the temporary table `followed_sets(owner, key)`.

    Inserted in the order of their keys: two writers at once wait for one another, and never in a circle.
    """
    conn.execute(text("DROP TABLE IF EXISTS followed_sets"))
    conn.execute(
        text(
            f"""CREATE TEMP TABLE followed_sets ON COMMIT DROP AS
                SELECT owner, sha256(convert_to(string_agg(target_id || ':' || reach, ',' ORDER BY target_id),
                                                'UTF8')) AS key
                FROM ({wishes}) w GROUP BY owner"""
        )
    )
    conn.execute(text("ANALYZE followed_sets"))
    conn.execute(
        text(
            f"""WITH wanted AS (SELECT key, min(owner) AS example FROM followed_sets GROUP BY key),
                     added AS (INSERT INTO audiences (key) SELECT key FROM wanted ORDER BY key
                               ON CONFLICT (key) DO NOTHING RETURNING id, key)
                INSERT INTO audience_targets (audience_id, target_id, reach)
                SELECT a.id, s.target_id, s.reach
                FROM added a JOIN wanted w USING (key) JOIN ({wishes}) s ON s.owner = w.example
                ORDER BY s.target_id, a.id"""
        )
    )
