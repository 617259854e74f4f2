"""How much mail waits, goes out and fails, in people, counted from the ledger."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from notifier.delivery.models import OF_RUNS

WINDOWS = {
    "5m": timedelta(minutes=5),
    "30m": timedelta(minutes=30),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
QUANTILES = (0.5, 0.95, 0.99)
MANY_FAILED, FEWEST_FAILED, FEWEST_OF_ALL = 0.01, 20, 3
"""Some addresses are always wrong; but three mails, and none that went well, or three digests and fewer that did, are
no chance."""
PUT_OFF, FEWEST_PUT_OFF, LONGEST_PUT_OFF = "fault", 3, timedelta(hours=1)
"""The failure class of letters that a mailbox puts off: of one or two that is its own affair, but not for long."""


@dataclass(frozen=True)
class OpenMail:
    """Mail that has not ended, and of which all this is true. `held`: its run is paused."""

    mail: str
    frequency: str | None  # of a digest
    state: str  # planned, sending, retrying or unknown
    failure_class: str | None  # of the last attempt
    due: bool
    held: bool
    mails: int
    batches: int
    due_since: datetime  # the oldest of it
    open_since: datetime
    tried_since: datetime  # of the last call; where there was none, `open_since`


@dataclass(frozen=True)
class HeldRun:
    """Of a run that an operator paused: what waits for it."""

    key: str
    since: datetime
    mails: int


@dataclass(frozen=True)
class EndedMail:
    """`mails` that came to this state within the window."""

    mail: str
    state: str  # accepted or failed
    window: str
    mails: int


@dataclass(frozen=True)
class Wait:
    """From planned to accepted, in the last hour: of every hundred mails, `quantile` took no longer."""

    mail: str
    quantile: float
    seconds: float


def open_mail(conn: Connection, now: datetime) -> list[OpenMail]:
    """A million planned mails are some ten thousand batches, found by the indexes of what is open."""
    return [OpenMail(**row._mapping) for row in conn.execute(text(_OPEN), {"now": now})]


def held_runs(conn: Connection) -> list[HeldRun]:
    """The one that was paused first comes first."""
    return [HeldRun(**row._mapping) for row in conn.execute(text(_HELD))]


def oldest_letters(mail: Iterable[OpenMail], now: datetime) -> dict[str, datetime]:
    """{mail: when the oldest that somebody still waits for was asked for}. Each retry makes a letter due anew, so that
    says nothing of the wait."""
    letters = [row for row in mail if row.mail not in OF_RUNS and row.state != "unknown"]
    few = sum(row.mails for row in letters if row.failure_class == PUT_OFF) < FEWEST_PUT_OFF
    found: dict[str, datetime] = {}
    for row in letters:
        if not (few and row.failure_class == PUT_OFF and now - row.open_since < LONGEST_PUT_OFF):
            found[row.mail] = min(row.open_since, found.get(row.mail, row.open_since))
    return found


@dataclass(frozen=True)
class Failed:
    """Too many, `of` all mails or of the digests alone."""

    failed: int
    sent: int
    of: str


def many_failed(ended: Iterable[EndedMail], window: str) -> Failed | None:
    """As in the alert DeliveriesFailed. None: no more than every day. Letters that went well, of which there are a few
    at any time, say nothing of digests that mostly failed."""
    ended = list(ended)
    mails, digests = (
        Failed(mails_ended(rows, "failed", window), mails_ended(rows, "accepted", window), of)
        for of, rows in (("all", ended), ("the digests", [row for row in ended if row.mail in OF_RUNS]))
    )
    if digests.failed >= FEWEST_OF_ALL and digests.failed > digests.sent:
        return digests
    few = FEWEST_FAILED if mails.sent else FEWEST_OF_ALL
    return mails if mails.failed >= few and mails.failed > MANY_FAILED * (mails.failed + mails.sent) else None


def due_mails(mail: Iterable[OpenMail]) -> int:
    """What should go out now and is not held back with its run."""
    return sum(row.mails for row in mail if row.due and not row.held)


def ended_mail(conn: Connection, now: datetime) -> list[EndedMail]:
    bind = {f"since_{name}": now - window for name, window in WINDOWS.items()}
    found = []
    for state, statement in (("accepted", _ACCEPTED), ("failed", _FAILED)):
        for row in conn.execute(text(statement), bind):
            found += [EndedMail(row.mail, state, name, getattr(row, f"in_{name}")) for name in WINDOWS]
    return found


def mails_ended(mail: Iterable[EndedMail], state: str, window: str) -> int:
    return sum(row.mails for row in mail if (row.state, row.window) == (state, window))


def waits(conn: Connection, now: datetime) -> list[Wait]:
    bind = {"since": now - WINDOWS["1h"], "quantiles": list(QUANTILES)}
    return [Wait(**row._mapping) for row in conn.execute(text(_WAITS), bind)]


# A batch that was split off is as old as its run: somebody has waited since then.
# Each branch has a partial index of its own. Whoever was left out of a batch is still counted in its size.
_OPEN = """
WITH open AS (
  SELECT * FROM batches WHERE state IN ('planned', 'retrying') AND run_id IS NOT NULL
  UNION ALL SELECT * FROM batches WHERE state IN ('planned', 'retrying') AND run_id IS NULL
  UNION ALL SELECT * FROM batches WHERE state = 'sending'
  UNION ALL SELECT * FROM batches WHERE state = 'unknown')
SELECT b.mail, c.frequency, b.state, b.failure_class,
       b.state IN ('planned', 'retrying') AND b.next_attempt_at <= :now AS due, r.paused_at IS NOT NULL AS held,
       sum(b.size - CASE WHEN b.attempted_at IS NULL THEN 0
                         ELSE (SELECT count(*) FROM deliveries d
                               WHERE d.batch_id = b.id AND d.state IN ('skipped', 'failed')) END)::bigint AS mails,
       count(*) AS batches, min(b.next_attempt_at) AS due_since,
       min(COALESCE(r.planned_at, b.created_at)) AS open_since,
       min(COALESCE(b.attempted_at, r.planned_at, b.created_at)) AS tried_since
FROM open b LEFT JOIN runs r ON r.id = b.run_id LEFT JOIN schedules c ON c.id = r.schedule_id
GROUP BY 1, 2, 3, 4, 5, 6
"""

_HELD = """
SELECT r.key, r.paused_at AS since, sum(b.size)::bigint AS mails
FROM runs r JOIN batches b ON b.run_id = r.id
WHERE r.paused_at IS NOT NULL AND b.state IN ('planned', 'retrying')
GROUP BY r.id ORDER BY r.paused_at
"""

_IN_WINDOWS = ", ".join(
    f"COALESCE(sum(mails) FILTER (WHERE at > :since_{name}), 0)::bigint AS in_{name}" for name in WINDOWS
)

_ACCEPTED = f"""
WITH sent AS MATERIALIZED (
  SELECT id, mail, size, ended_at AS at FROM batches WHERE state = 'accepted' AND ended_at > :since_1d),
left_out AS (
  SELECT batch_id, count(*) AS people FROM deliveries
  WHERE state IN ('skipped', 'failed') AND batch_id >= (SELECT min(id) FROM sent) GROUP BY batch_id)
SELECT mail, {_IN_WINDOWS}
FROM (SELECT mail, at, size - COALESCE(people, 0) AS mails FROM sent LEFT JOIN left_out ON batch_id = id) x
GROUP BY mail
"""

_FAILED = f"""
SELECT mail, {_IN_WINDOWS}
FROM (SELECT b.mail, b.ended_at AS at,
             b.size - (SELECT count(*) FROM deliveries d
                       WHERE d.batch_id = b.id AND d.state IN ('skipped', 'failed')) AS mails
      FROM batches b WHERE b.state = 'failed' AND b.ended_at > :since_1d
      UNION ALL
      SELECT b.mail, d.state_at, 1 FROM deliveries d JOIN batches b ON b.id = d.batch_id
      WHERE d.state = 'failed' AND d.state_at > :since_1d) x
GROUP BY mail
"""

_WAITS = """
WITH took AS (
  SELECT b.mail, round(GREATEST(0, EXTRACT(epoch FROM b.ended_at - COALESCE(r.planned_at, b.created_at))), 1)::float8
           AS seconds, sum(b.size) AS size
  FROM batches b LEFT JOIN runs r ON r.id = b.run_id
  WHERE b.state = 'accepted' AND b.ended_at > :since GROUP BY 1, 2),
placed AS (
  SELECT mail, seconds, sum(size) OVER (PARTITION BY mail ORDER BY seconds) AS place,
         sum(size) OVER (PARTITION BY mail) AS mails FROM took)
SELECT mail, q AS quantile, min(seconds) AS seconds
FROM placed, unnest(CAST(:quantiles AS float8[])) AS q WHERE place >= q * mails GROUP BY mail, q
"""
