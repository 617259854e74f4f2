"""What each reader must be told, reckoned person by person: no positions, no audiences, no SQL.

The rule is short. From the moment an event is visible it waits for everybody who follows one of its targets at
that moment. It waits until their next digest, or until they leave the last of those targets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.subscriptions.schedules import Rhythm

QUIET = timedelta(hours=1)

Reasons = Mapping[int, int]  # {target: evidence}


@dataclass(frozen=True)
class Mail:
    at: datetime
    locale: str
    titles: bool
    reasons: frozenset[tuple[int, int, int]]  # (event, target, evidence)


@dataclass
class Reader:
    name: str
    rhythm: Rhythm
    locale: str = "en"
    titles: bool = False
    follows: dict[int, int] = field(default_factory=dict)  # {target: reach}
    waiting: dict[int, dict[int, int]] = field(default_factory=dict)  # {event: {target: evidence}}
    quiet_until: datetime | None = None
    stopped_at: datetime | None = None

    def hear(self, event: int, reasons: Reasons) -> None:
        mine = {target: e for target, e in reasons.items() if e <= self.follows.get(target, 0)}
        if mine:
            self.waiting[event] = mine

    def follow(self, target: int, reach: int) -> None:
        self.follows.setdefault(target, reach)
        self.stopped_at = None

    def unfollow(self, target: int) -> None:
        self.follows.pop(target, None)
        left = {event: {t: e for t, e in why.items() if t != target} for event, why in self.waiting.items()}
        self.waiting = {event: why for event, why in left.items() if why}

    def stop(self, now: datetime) -> None:
        if self.stopped_at is None:
            self.follows, self.waiting, self.stopped_at = {}, {}, now

    def read(self, at: datetime, now: datetime) -> Mail | None:
        immediate = self.rhythm.frequency == "immediate"
        if not self.waiting or (immediate and self.quiet_until and self.quiet_until > at):
            return None
        reasons = frozenset((event, t, e) for event, why in self.waiting.items() for t, e in why.items())
        self.waiting = {}
        if immediate:
            self.quiet_until = at + QUIET
        return Mail(now, self.locale, self.titles, reasons)


@dataclass
class Clock:
    """`seen` is the day of the last digest that was due; the scheduler waits for a later one. `ran`: it ran."""

    seen: date
    ran: date | None = None


@dataclass
class Model:
    readers: dict[int, Reader] = field(default_factory=dict)
    clocks: dict[Rhythm, Clock] = field(default_factory=dict)
    unnumbered: dict[int, Reasons] = field(default_factory=dict)
    mails: list[tuple[int, Mail]] = field(default_factory=list)
    erased: list[str] = field(default_factory=list)

    def use(self, rhythm: Rhythm, now: datetime) -> None:
        self.clocks.setdefault(rhythm, Clock(last_day(rhythm, now)))

    def number(self) -> None:
        """All committed events become visible, to whoever follows their targets now."""
        for event, reasons in self.unnumbered.items():
            for reader in self.readers.values():
                reader.hear(event, reasons)
        self.unnumbered = {}

    def tick(self, now: datetime) -> None:
        self.number()
        for rhythm, clock in self.clocks.items():
            if rhythm.frequency == "immediate" or last_day(rhythm, now) > clock.seen:
                self.plan(rhythm, now, now)

    def plan(self, rhythm: Rhythm, at: datetime, now: datetime) -> None:
        clock, day = self.clocks[rhythm], last_day(rhythm, at)
        if rhythm.frequency != "immediate":
            if clock.ran and clock.ran >= day:
                return
            clock.seen = clock.ran = day
        for number, reader in self.readers.items():
            mail = reader.read(at, now) if reader.rhythm == rhythm else None
            if mail:
                self.mails.append((number, mail))


def last_day(rhythm: Rhythm, at: datetime) -> date:
    """The last day on which the wall clock has come to the hour."""
    wall = at.astimezone(ZoneInfo(rhythm.zone))
    day = wall.date() - timedelta(days=wall.hour < rhythm.hour)
    while rhythm.weekday not in (0, day.isoweekday()):
        day -= timedelta(days=1)
    return day
