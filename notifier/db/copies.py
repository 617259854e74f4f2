"""Whether this database still is where it was last used. A backup that was restored, or a copy, is not.

Whatever was mailed after the backup was made is unknown to it: it would be mailed again. So nothing is planned or sent
from a copy until an operator has said what it is (docs/decisions/0024).
"""

import secrets

from sqlalchemy import Connection, text

AWAY = "this database was restored, moved or copied; `notifier db restored --help` says what to do"
"""Why nothing is sent."""

# The cluster, its history (a recovery to an earlier moment and a failover begin a new one), its name (the embedded one
# is named after a file, so that a copy of its folder has another), the database in it, and the table in that. A
# restored dump and a recovery change one of them. A disk put back as it was changes none: docs/guides/backup.md.
_HERE = """
(SELECT concat_ws('/', (SELECT system_identifier FROM pg_control_system()),
                       left(pg_walfile_name(pg_current_wal_lsn()), 8),
                       current_setting('cluster_name'),
                       (SELECT oid FROM pg_database WHERE datname = current_database()),
                       CAST(CAST('installation' AS regclass) AS oid)))
"""


def is_home(conn: Connection) -> bool:
    """The first use of a database makes its place its home."""
    if conn.execute(text("SELECT home IS NULL FROM installation")).scalar_one():
        settle(conn)
    return not is_away(conn)


def is_away(conn: Connection) -> bool:
    """For whoever only looks: writes nothing. Where no home is known yet, nothing is away."""
    return bool(
        conn.execute(text(f"SELECT home IS NOT NULL AND home <> {_HERE} FROM installation")).scalar_one()
    )


def settle(conn: Connection) -> None:
    """From now on this is where it lives."""
    conn.execute(text(f"UPDATE installation SET home = {_HERE}"))


def leave_room(conn: Connection) -> None:
    """Numbers that were given after the backup stand in mails that are out, so they are not given again: nor those that
    were given after the same backup had been restored before, as each time they go on somewhere else."""
    conn.execute(
        text(
            """SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, COALESCE(last_value, 1) + :room)
               FROM pg_sequences WHERE schemaname = current_schema()"""
        ),
        {"room": ROOM + secrets.randbelow(SOMEWHERE)},
    )


ROOM = 1_000_000
SOMEWHERE = 50_000_000  # some numbers end at two thousand millions: eighty restores
