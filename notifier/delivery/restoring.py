"""A backup was restored: park all that may have gone out since it was made. Nothing of it is sent on a guess."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text

from notifier.db import copies
from notifier.delivery import brakes
from notifier.delivery.audit import note_action
from notifier.delivery.erasing import erase
from notifier.delivery.history import note_settled
from notifier.delivery.planning import plan_run
from notifier.settings import Settings
from notifier.subscriptions.journal import BY_MARK, Ending, LastWord
from notifier.subscriptions.stopping import stop_all

RESTORED = "restored"
"""The failure class of what is parked: the silence of a webhook whose words were lost proves nothing about it."""


@dataclass(frozen=True)
class Doubtful:
    """People whose mail may have gone out: in batches that were open, and in runs that were due since."""

    batches: int
    people: int
    schedules: int


def doubtful(conn: Connection, until: datetime) -> Doubtful:
    """What `park` would look at first. How many people the runs come to is known when they are planned."""
    row = conn.execute(
        text(f"SELECT count(*) AS batches, COALESCE(sum(size), 0) AS people FROM batches WHERE {_OPEN}")
    ).one()
    return Doubtful(row.batches, int(row.people), len(_schedules(conn, until)))


def last_tried_at(conn: Connection) -> datetime | None:
    """When this database last knew of a mail that was sent or tried."""
    tried_at: datetime | None = conn.execute(text("SELECT max(attempted_at) FROM batches")).scalar_one()
    return tried_at


def park(
    engine: Engine, *, until: datetime, settings: Settings, now: datetime, drop: bool = False
) -> Doubtful:
    """Mail went out until then at the latest. Whatever may have been among it becomes `unknown`, or `dropped`; killed
    in between, it can be repeated. Letters that wait go out: the same link twice does no harm.

    A schedule of which no run was due since the backup has told nothing since: its people get all in their next digest.
    """
    state = "dropped" if drop else "unknown"
    with engine.begin() as conn:
        batches, people = _park(conn, _OPEN, {}, state, now)
        schedules = _schedules(conn, until)
        conn.execute(text(_NO_REST), {"ids": schedules})

    def park_run(conn: Connection, run_id: int) -> None:
        _park(conn, f"run_id = :run_id AND {_OPEN}", {"run_id": run_id}, state, now)

    for schedule_id in schedules:
        planned = plan_run(engine, schedule_id, at=now, now=now, settings=settings, park=park_run)
        if planned:
            batches, people = batches + planned.batches, people + planned.people
    return Doubtful(batches, people, len(schedules))


# After mails that are long past: who rested would take no part, and be told of them later.
_NO_REST = """
UPDATE subscribers SET quiet_until = NULL WHERE quiet_until IS NOT NULL AND schedule_id = ANY(:ids)
"""

_OPEN = "state IN ('planned', 'sending', 'retrying', 'unknown') AND run_id IS NOT NULL"


def _park(
    conn: Connection, which: str, bind: dict[str, object], state: str, now: datetime
) -> tuple[int, int]:
    rows = conn.execute(
        text(
            f"""UPDATE batches SET state = :state, lease_until = NULL, failure_class = :restored,
                       reason = 'sent or not: the database was restored from a backup',
                       ended_at = CASE WHEN :state = 'dropped' THEN CAST(:now AS timestamptz) END
                WHERE {which} RETURNING id, size"""
        ),
        {**bind, "state": state, "restored": RESTORED, "now": now},
    ).all()
    note_settled(conn, [row.id for row in rows], RESTORED, now)
    return len(rows), sum(row.size for row in rows)


def _schedules(conn: Connection, until: datetime) -> list[int]:
    """Those of which a run was due since; mail at once may have gone at any moment."""
    return list(
        conn.execute(
            text(
                "SELECT id FROM schedules WHERE frequency = 'immediate' OR next_due_at <= :until ORDER BY id"
            ),
            {"until": until},
        ).scalars()
    )


def end_again(
    engine: Engine, endings: Mapping[str, LastWord], *, settings: Settings, now: datetime
) -> Counter[Ending]:
    """Whoever stopped everything or was erased after the backup was made does so again; how many. Who has asked for
    mail since their last word stays: a log may reach back before the backup."""
    done = Counter[Ending]()
    with engine.connect() as conn:
        people = conn.execute(text(_PEOPLE), {"marks": list(endings)}).all()
    for person in people:
        word = endings[person.mark]
        if word.ending == "stopped" and person.asked_at and person.asked_at > word.at:
            continue
        with engine.begin() as conn:
            if word.ending == "erased":
                done["erased"] += erase(conn, person.email_key, settings=settings, now=now)
            else:
                done["stopped"] += stop_all(conn, person.public_id, reason="operator", now=now) == "stopped"
    return done


# The trail, as a consent that was brought along may be older than the day it came.
_PEOPLE = f"""
SELECT {BY_MARK} AS mark, public_id, email_key,
       (SELECT max(at) FROM subscription_changes c
        WHERE c.subscriber_id = s.id AND c.action IN ('confirm', 'follow', 'undo')) AS asked_at
FROM subscribers s WHERE {BY_MARK} = ANY(:marks)
"""


def at_home_again(conn: Connection, *, actor: str, note: str, now: datetime) -> None:
    """The last step: planning goes on, and sending once it is resumed, the moment to look at what is parked."""
    copies.leave_room(conn)
    copies.settle(conn)
    if brakes.reason_of(conn, "paused") is None:
        brakes.pull(conn, "paused", "the database was restored or moved: look at what is in doubt", now=now)
    note_action(conn, "database_restored", "all", note, actor=actor, now=now)
