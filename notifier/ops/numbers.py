"""All numbers about the mail at one moment: what /metrics, the operators' pages and the heartbeats speak of."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text

from notifier.db.installation import installed_at
from notifier.db.timeouts import give_up_after
from notifier.delivery.progress import brakes_on, brakes_since, tracked_mails
from notifier.ops.counts import Counts, counts
from notifier.ops.feedback import Reported, Webhook, reported, webhook
from notifier.ops.heartbeat import POLL, POLL_ASKED, POLL_GIVEN_UP, last_beats, last_polls
from notifier.ops.mail import EndedMail, HeldRun, OpenMail, Wait, ended_mail, held_runs, open_mail, waits
from notifier.ops.rhythm import Events, Rhythm, events, rhythms
from notifier.ops.tallies import Name, Tally, tallies

LONGEST_LOOK = timedelta(seconds=10)
"""A look that takes longer is given up: it must never weigh on the mail itself."""
TRACKING_WINDOW = timedelta(days=1)


@dataclass(frozen=True)
class Erasures:
    """Addresses that the provider has not yet agreed to forget."""

    waiting: int
    asked_since: datetime | None


@dataclass(frozen=True)
class Numbers:
    at: datetime
    open: list[OpenMail]
    held: list[HeldRun]
    ended: list[EndedMail]
    waits: list[Wait]
    rhythms: list[Rhythm]
    events: Events
    reported: list[Reported]
    webhook: Webhook
    brakes: dict[str, str]  # {name: reason}
    brakes_since: dict[str, datetime]
    beats: dict[str, datetime]  # {queue: when}
    polled_at: datetime | None  # when the registry was last read to the end
    poll_asked_at: datetime | None  # when somebody last began to ask it
    installed_at: datetime
    erasures: Erasures
    tracked: int  # opens and clicks of the last day; there must be none
    tallies: dict[Name, Tally]
    counts: Counts
    counted_at: datetime | None

    def seen(self, queue: str) -> datetime:
        """When a beat last came through it. A queue that was never served has been silent since the beginning: a
        service that has just been set up is not yet late."""
        return self.beats.get(queue, self.installed_at)

    @property
    def registry_unread_since(self) -> datetime | None:
        """When the registry was last read to the end, or Notifier was installed if it never has. None where nobody has
        asked for long: the site pushes instead."""
        asked_at = max((at for at in (self.polled_at, self.poll_asked_at) if at), default=None)
        if asked_at is None or self.at - asked_at >= POLL_GIVEN_UP:
            return None
        return self.polled_at or self.installed_at


def take_numbers(engine: Engine, *, now: datetime) -> Numbers:
    """One read-only transaction, so that they fit together."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as conn, conn.begin():
        conn.execute(text("SET TRANSACTION READ ONLY"))
        give_up_after(conn, LONGEST_LOOK)
        return numbers(conn, now)


def numbers(conn: Connection, now: datetime) -> Numbers:
    slow, counted_at = counts(conn)
    polls = last_polls(conn)
    return Numbers(
        at=now,
        open=open_mail(conn, now),
        held=held_runs(conn),
        ended=ended_mail(conn, now),
        waits=waits(conn, now),
        rhythms=rhythms(conn),
        events=events(conn),
        reported=reported(conn, now),
        webhook=webhook(conn),
        brakes=brakes_on(conn, now),
        brakes_since=brakes_since(conn),
        beats=last_beats(conn),
        polled_at=polls.get(POLL),
        poll_asked_at=polls.get(POLL_ASKED),
        installed_at=installed_at(conn),
        erasures=_erasures(conn),
        tracked=tracked_mails(conn, now - TRACKING_WINDOW),
        tallies=tallies(conn),
        counts=slow,
        counted_at=counted_at,
    )


def _erasures(conn: Connection) -> Erasures:
    row = conn.execute(text("SELECT count(*), min(asked_at) FROM provider_erasures")).one()
    return Erasures(*row)
