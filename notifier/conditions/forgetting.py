"""Words that one person typed are theirs: when that person is gone, so are the words."""

from collections.abc import Collection

from sqlalchemy import Connection, text


def forget_targets(conn: Connection, target_ids: Collection[int]) -> int:
    """Take the words out of those conditions that no study is about and nobody has asked for any more.

    The row stays, empty: what points at it (an old audience, for one) says nothing without it, and whoever read its
    id just now does not fall over. A row that somebody else holds is being asked for: it is passed over.
    """
    held = list(
        conn.execute(
            text(
                """SELECT id FROM targets WHERE id = ANY(:ids) AND kind = 'condition' AND NOT known
                   ORDER BY id FOR UPDATE SKIP LOCKED"""
            ),
            {"ids": list(target_ids)},
        ).scalars()
    )
    return conn.execute(text(_FORGET), {"ids": held}).rowcount


# A key with a # is nobody's normal form, so nobody finds it again.
_FORGET = """
UPDATE targets t SET key = '#' || t.id, label = '', concept_id = NULL
WHERE t.id = ANY(:ids)
  AND NOT EXISTS (SELECT 1 FROM subscriptions b WHERE b.target_id = t.id)
  AND NOT EXISTS (SELECT 1 FROM sign_up_targets w WHERE w.target_id = t.id)
  AND NOT EXISTS (SELECT 1 FROM event_targets e WHERE e.target_id = t.id)
"""
