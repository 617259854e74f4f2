"""From who gets which edition (the temporary table `planned_mail`) to deliveries in batches."""

import secrets
from datetime import datetime

from sqlalchemy import Connection, Engine, text


def write_deliveries(conn: Connection, run_id: int, mail: str, batch_size: int, now: datetime) -> int:
    """One delivery for each row of `planned_mail`, in batches of one edition; how many batches. A second delivery to
    the same person in the same run breaks the unique index and the whole plan with it: that would be a fault of ours.
    """
    conn.execute(text("DROP TABLE IF EXISTS planned_parts, planned_batches"))
    bind = {"run_id": run_id, "batch_size": batch_size, "now": now, "mail": mail, **_of_ids(now)}
    for statement in (_PARTS, _BATCH_IDS, "ANALYZE planned_parts, planned_batches", _BATCHES, _DELIVERIES):
        conn.execute(text(statement), bind)
    count: int = conn.execute(text("SELECT count(*) FROM planned_batches")).scalar_one()
    return count


def _of_ids(now: datetime) -> dict[str, str]:
    """What the deliveries' ids are made of: the moment, so that those of a run lie side by side in the index, and 80
    bits that lead to nobody without the secret, which is not kept. PostgreSQL's own `gen_random_uuid` asks the
    system for each, which takes as long as all else about writing a delivery.
    """
    milliseconds = int(now.timestamp() * 1000)
    return {"moment": f"{milliseconds:012x}", "secret": secrets.token_hex(32)}


_PARTS = """
CREATE TEMP TABLE planned_parts ON COMMIT DROP AS
SELECT subscriber_id, edition_id,
       ((row_number() OVER (PARTITION BY edition_id ORDER BY subscriber_id) - 1) / :batch_size)::int AS part
FROM planned_mail
"""

_BATCH_IDS = """
CREATE TEMP TABLE planned_batches ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('batches', 'id')) AS batch_id, edition_id, part, size
FROM (SELECT edition_id, part, count(*) AS size FROM planned_parts GROUP BY edition_id, part
      ORDER BY edition_id, part) x
"""

_BATCHES = """
INSERT INTO batches (id, mail, run_id, edition_id, size, next_attempt_at, created_at)
OVERRIDING SYSTEM VALUE
SELECT batch_id, :mail, :run_id, edition_id, size, :now, :now FROM planned_batches
"""

_DELIVERIES = """
INSERT INTO deliveries (id, run_id, batch_id, subscriber_id)
SELECT CAST(:moment || left(encode(sha256(convert_to(:secret || p.subscriber_id, 'UTF8')), 'hex'), 20) AS uuid),
       :run_id, b.batch_id, p.subscriber_id
FROM planned_parts p JOIN planned_batches b USING (edition_id, part)
ORDER BY b.batch_id, p.subscriber_id  -- those of one call lie side by side, in the table and in its index
"""


def refresh_statistics(engine: Engine) -> None:
    """Claims on a million fresh rows take twenty times as long while the planner believes the table empty."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE batches, deliveries, editions, edition_items"))
