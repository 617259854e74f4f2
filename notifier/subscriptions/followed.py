"""Which studies somebody follows."""

from collections.abc import Sequence

from sqlalchemy import Connection, text


def followed_after(conn: Connection, nct_id: str, most: int) -> Sequence[str]:
    """The next `most` NCT ids after this one, in their order; "" comes before all."""
    return conn.execute(text(_FOLLOWED), {"after": nct_id, "most": most}).scalars().all()


_FOLLOWED = """
SELECT t.key FROM targets t
WHERE t.kind = 'study' AND t.key > :after
  AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.target_id = t.id AND s.ended_at IS NULL)
ORDER BY t.key LIMIT :most
"""
