"""How far the mail has come, counted from the ledger."""

from datetime import datetime

from sqlalchemy import Connection, Engine, text

from notifier.db.copies import AWAY, is_away

OPEN_STATES = ("planned", "sending", "retrying")


def states_of_runs(conn: Connection, run_ids: list[int]) -> dict[int, dict[str, int]]:
    """{run: {delivery state: people}}."""
    found: dict[int, dict[str, int]] = {run_id: {} for run_id in run_ids}
    rows = conn.execute(
        text(
            """SELECT run_id, state, count(*) AS people FROM delivery_states
               WHERE run_id = ANY(:ids) GROUP BY run_id, state ORDER BY state"""
        ),
        {"ids": run_ids},
    )
    for row in rows:
        found[row.run_id][row.state] = row.people
    return found


def open_batches(engine: Engine, run_ids: list[int]) -> int:
    """Batches that some worker still has to finish. Unknown ones wait for evidence, not for a worker."""
    with engine.connect() as conn:
        return int(
            conn.execute(
                text("SELECT count(*) FROM batches WHERE run_id = ANY(:ids) AND state = ANY(:open)"),
                {"ids": run_ids, "open": list(OPEN_STATES)},
            ).scalar_one()
        )


def states_of_all(conn: Connection) -> dict[str, int]:
    rows = conn.execute(
        text("SELECT state, count(*) AS people FROM delivery_states GROUP BY state ORDER BY state")
    )
    return {row.state: row.people for row in rows}


def oldest_due(conn: Connection) -> datetime | None:
    """Since when the oldest batch that is not on its way has been due."""
    open_ = "SELECT min(next_attempt_at) FROM batches WHERE state IN ('planned', 'retrying')"
    due: datetime | None = conn.execute(
        text(f"SELECT LEAST(({open_} AND run_id IS NOT NULL), ({open_} AND run_id IS NULL))")
    ).scalar_one()
    return due


def brakes_on(conn: Connection, now: datetime) -> dict[str, str]:
    """{name: reason}; a throttle whose time has passed is none. `away`: nothing at all is planned or sent."""
    rows = conn.execute(
        text("SELECT name, reason FROM brakes WHERE name <> 'throttled' OR until > :now ORDER BY name"),
        {"now": now},
    )
    found = {row.name: row.reason for row in rows}
    return {"away": AWAY, **found} if is_away(conn) else found


def brakes_since(conn: Connection) -> dict[str, datetime]:
    return {row.name: row.set_at for row in conn.execute(text("SELECT name, set_at FROM brakes"))}


def tracked_mails(conn: Connection, since: datetime) -> int:
    """Opens and clicks that the provider reported. There must be none: tracking is off in every call."""
    return int(
        conn.execute(
            text(
                "SELECT count(*) FROM feedback_events WHERE received_at > :since AND kind IN ('open', 'click')"
            ),
            {"since": since},
        ).scalar_one()
    )
