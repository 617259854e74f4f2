"""The set-based half of a bulk import, on the temporary table `staged` (one row for each wish).

The order matters: people first, then their schedules, then what they follow. `take_people` holds the schedules,
so no run is planned over these people meanwhile.

Most people of an import are new, and of what is new nothing is written twice: they are stored with their audience.
For that the audiences are there before (`prepare`), committed on their own. An audience that nobody comes to use
does no harm, while one that is held back together with people could have two imports wait in a circle.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from notifier.registry.positions import head_position
from notifier.subscriptions.audiences import add_audiences
from notifier.subscriptions.queued import withdraw_queued
from notifier.subscriptions.schedules import hold_schedules

REACH = 4  # narrower conditions too
StagedRow = tuple[int, str, bytes, int, int, bool, datetime]


@dataclass(frozen=True)
class Taken:
    """`head` is where new subscriptions start; `refused` are (line, reason); `added` people are new."""

    head: int
    refused: list[tuple[int, str]]
    added: int


def prepare(conn: Connection, rows: Iterable[StagedRow]) -> None:
    """Stage the rows, and make the audiences of those who are not known: `newcomers(email_key, audience_id)`.

    Both tables outlive the transaction; `clear` removes them.
    """
    clear(conn)
    conn.execute(
        text(
            """CREATE TEMP TABLE staged (line bigint, email text, email_key bytea, target_id int, schedule_id int,
                                         chosen boolean, confirmed_at timestamptz)"""
        )
    )
    driver: Any = conn.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy("COPY staged FROM STDIN (FORMAT BINARY)") as copy:
        copy.set_types(["int8", "text", "bytea", "int4", "int4", "bool", "timestamptz"])
        for row in rows:
            copy.write_row(row)
    conn.execute(text("CREATE INDEX ON staged (email_key)"))
    conn.execute(text("ANALYZE staged"))
    conn.execute(
        text(
            """CREATE TEMP TABLE unknown_people ON COMMIT DROP AS SELECT email_key, min(line) AS owner FROM staged g
               WHERE NOT EXISTS (SELECT 1 FROM subscribers s WHERE s.email_key = g.email_key) GROUP BY email_key"""
        )
    )
    add_audiences(
        conn,
        f"SELECT DISTINCT owner, target_id, {REACH} AS reach FROM staged JOIN unknown_people USING (email_key)",
    )
    conn.execute(
        text(
            """CREATE TEMP TABLE newcomers AS SELECT u.email_key, a.id AS audience_id
               FROM unknown_people u JOIN followed_sets USING (owner) JOIN audiences a USING (key)"""
        )
    )
    conn.execute(text("ANALYZE newcomers"))


def clear(conn: Connection) -> None:
    conn.execute(text("DROP TABLE IF EXISTS staged, newcomers"))


def hold_targets(conn: Connection) -> bool:
    """Keep the staged targets from being forgotten until we are done. False where one has been: an erasure took the
    words of the last person who asked for it."""
    return bool(
        conn.execute(
            text(
                """WITH wanted AS (SELECT DISTINCT target_id FROM staged),
                        held AS (SELECT t.id FROM targets t WHERE t.id IN (SELECT target_id FROM wanted)
                                   AND t.label <> '' FOR KEY SHARE)
                   SELECT (SELECT count(*) FROM wanted) = (SELECT count(*) FROM held)"""
            )
        ).scalar_one()
    )


def _refuse(conn: Connection) -> list[tuple[int, str]]:
    """Take out those who must not come back this way; (line, reason) of each."""
    suppressed = conn.execute(
        text("DELETE FROM staged USING suppressions p WHERE staged.email_key = p.email_key RETURNING line")
    ).scalars()
    refused = [(line, "this address is on the do-not-mail list") for line in sorted(set(suppressed))]
    stopped = conn.execute(
        text(
            """DELETE FROM staged USING subscribers s
               WHERE staged.email_key = s.email_key AND s.state = 'stopped' AND staged.confirmed_at <= s.stopped_at
               RETURNING line, s.stopped_at::date AS day"""
        )
    )
    reasons = {
        line: f"this person stopped on {day}; only a consent given after that brings them back"
        for line, day in stopped
    }
    return refused + sorted(reasons.items())


def take_people(conn: Connection, schedule_ids: set[int], now: datetime) -> Taken:
    """Hold the schedules of all these people (and `schedule_ids`), then the people, and add those who are new.

    Whoever moved to another schedule or signed up meanwhile is let go of and held anew after their schedule, as in
    `hold_person`. Consent is looked at when nobody can stop any more before we are done.
    """
    missing, held = schedule_ids | _schedules_of_known_people(conn), set[int]()
    while True:
        hold_schedules(conn, missing)
        held |= missing
        attempt = conn.begin_nested()
        _lock_known_people(conn)
        taken = Taken(head_position(conn), _refuse(conn), 0)
        taken = replace(taken, added=_add_people(conn, taken.head, now))
        missing = _schedules_of_known_people(conn) - held
        if not missing:
            attempt.commit()
            return taken
        attempt.rollback()


def _lock_known_people(conn: Connection) -> None:
    conn.execute(
        text(
            """SELECT count(*) FROM (
                 SELECT 1 FROM subscribers s WHERE s.email_key IN (SELECT email_key FROM staged)
                 ORDER BY s.id FOR NO KEY UPDATE) x"""
        )
    )


def _schedules_of_known_people(conn: Connection) -> set[int]:
    return set(
        conn.execute(
            text("SELECT DISTINCT s.schedule_id FROM staged JOIN subscribers s USING (email_key)")
        ).scalars()
    )


def _add_people(conn: Connection, head: int, now: datetime) -> int:
    """New people start at the head; `resume_position` says so where their schedule has not come that far.

    `added_people` are those who are complete but for their subscriptions, `touched` all others.
    """
    conn.execute(text("CREATE TEMP TABLE added_people (subscriber_id bigint PRIMARY KEY) ON COMMIT DROP"))
    added: int = conn.execute(
        text(
            """WITH added AS (
                 INSERT INTO subscribers (email, email_key, schedule_id, audience_id, resume_position, created_at)
                 SELECT DISTINCT ON (g.email_key) g.email, g.email_key, g.schedule_id, n.audience_id,
                        NULLIF(:head, c.covered_to), :now
                 FROM staged g LEFT JOIN newcomers n USING (email_key) JOIN schedules c ON c.id = g.schedule_id
                 ORDER BY g.email_key, g.line DESC
                 ON CONFLICT (email_key) DO NOTHING RETURNING id, audience_id),
               complete AS (INSERT INTO added_people SELECT id FROM added WHERE audience_id IS NOT NULL)
               SELECT count(*) FROM added"""
        ),
        {"head": head, "now": now},
    ).scalar_one()
    conn.execute(text("CREATE TEMP TABLE touched (subscriber_id bigint PRIMARY KEY) ON COMMIT DROP"))
    conn.execute(
        text(
            """INSERT INTO touched SELECT s.id FROM subscribers s
               WHERE s.email_key IN (SELECT email_key FROM staged)
                 AND s.id NOT IN (SELECT subscriber_id FROM added_people)
               ORDER BY s.id FOR NO KEY UPDATE"""
        )
    )
    conn.execute(text("ANALYZE added_people, touched"))
    return added


def move_people(conn: Connection, head: int, now: datetime) -> None:
    """Bring back those who stopped, and change the schedule of those who chose another: their range goes on where it
    was, so that nothing is told twice or left out. What was queued when somebody stopped stays unsent. As for
    `quiet_until`, see `reschedule`."""
    returning = conn.execute(
        text(
            """UPDATE subscribers s
               SET state = 'active', stopped_at = NULL, resume_position = :head, partly_told = false
               FROM touched t WHERE s.id = t.subscriber_id AND s.state = 'stopped' RETURNING s.id"""
        ),
        {"head": head},
    ).scalars()
    withdraw_queued(conn, list(returning), reason="stopped", now=now)
    conn.execute(text(_KNOWN_AGAIN))
    conn.execute(
        text(
            """UPDATE subscribers s
               SET schedule_id = w.schedule_id, resume_position = COALESCE(s.resume_position, old.covered_to),
                   quiet_until = CASE WHEN new.frequency = 'immediate' THEN GREATEST(s.quiet_until, :now)
                                      ELSE s.quiet_until END
               FROM (SELECT DISTINCT ON (email_key) email_key, schedule_id FROM staged
                     WHERE chosen ORDER BY email_key, line DESC) w, schedules old, schedules new
               WHERE s.email_key = w.email_key AND old.id = s.schedule_id AND s.schedule_id <> w.schedule_id
                 AND new.id = w.schedule_id"""
        ),
        {"now": now},
    )


_KNOWN_AGAIN = """
UPDATE subscribers s SET email = g.email
FROM touched t, staged g WHERE s.id = t.subscriber_id AND s.email = '' AND g.email_key = s.email_key
"""


def add_subscriptions(conn: Connection, head: int) -> tuple[int, int]:
    """(added, standing already). Whoever gains one is due from where they were, each target from its own start."""
    wanted = conn.execute(
        text("SELECT count(*) FROM (SELECT DISTINCT email_key, target_id FROM staged) x")
    ).scalar_one()
    bind = {"head": head, "reach": REACH}
    added: int = conn.execute(text(_FIRST_SUBSCRIPTIONS), bind).rowcount
    added += conn.execute(text(_MORE_SUBSCRIPTIONS), bind).scalar_one()
    return added, wanted - added


_SUBSCRIPTIONS = """
INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
SELECT DISTINCT ON (s.id, g.target_id) s.id, g.target_id, :reach, :head, g.confirmed_at, 'import'
FROM {people} p JOIN subscribers s ON s.id = p.subscriber_id JOIN staged g USING (email_key)
ORDER BY s.id, g.target_id, g.confirmed_at
"""

# Nobody else knows these people yet, so that nothing can be in the way.
_FIRST_SUBSCRIPTIONS = _SUBSCRIPTIONS.format(people="added_people")

_MORE_SUBSCRIPTIONS = f"""
WITH added AS (
  {_SUBSCRIPTIONS.format(people="touched")}
  ON CONFLICT (subscriber_id, target_id) WHERE ended_at IS NULL DO NOTHING RETURNING subscriber_id),
moved AS (
  UPDATE subscribers s SET resume_position = c.covered_to
  FROM schedules c
  WHERE c.id = s.schedule_id AND s.resume_position IS NULL AND c.covered_to < :head
    AND s.id IN (SELECT subscriber_id FROM added))
SELECT count(*) FROM added
"""
