"""The registry makes two registrations of a study one, and keeps both ids. People follow either, and an event of the
study is told under each: so the events say which targets are the same study."""

from sqlalchemy import Connection, text


def same_study(conn: Connection, target_id: int) -> list[int]:
    """This target, and the others under which its study is told; it alone for a condition."""
    return list(conn.execute(text(_SAME), {"target_id": target_id}).scalars())


def also_followed_as(conn: Connection, target_id: int) -> list[str]:
    """The other ids by which people follow this study now."""
    find = """SELECT key FROM targets t WHERE id = ANY(:ids) AND id <> :target_id
              AND EXISTS (SELECT 1 FROM subscriptions WHERE target_id = t.id AND ended_at IS NULL) ORDER BY key"""
    bind = {"ids": same_study(conn, target_id), "target_id": target_id}
    return list(conn.execute(text(find), bind).scalars())


def present_id(conn: Connection, nct_id: str) -> str:
    """The id that the study of this one has now; this one where nothing else is known."""
    return str(conn.execute(text(_PRESENT), {"nct_id": nct_id}).scalar_one_or_none() or nct_id)


# "+ 0": in the order of the ids themselves, the whole index of all events would be read for a study without any.
PRESENT_ID = """COALESCE((
    SELECT n.nct_id FROM event_targets m JOIN change_events e ON e.id = m.event_id JOIN studies n ON n.id = e.study_id
    WHERE m.target_id = t.id AND t.kind = 'study' ORDER BY e.id + 0 DESC LIMIT 1), t.key)"""
"""SQL: the id that the study of target `t` has now; its key where nothing else is known."""

_SAME = """
SELECT id FROM targets WHERE id = :target_id
UNION
SELECT o.id FROM targets t JOIN event_targets m ON m.target_id = t.id
JOIN event_targets e ON e.event_id = m.event_id JOIN targets o ON o.id = e.target_id AND o.kind = 'study'
WHERE t.id = :target_id AND t.kind = 'study'
ORDER BY id
"""
_PRESENT = f"SELECT {PRESENT_ID} FROM targets t WHERE t.kind = 'study' AND t.key = :nct_id"
