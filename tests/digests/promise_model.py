"""What each reader must be told, reckoned person by person: no positions, no audiences, no SQL.

The rule is short. From the moment an event is visible it waits for everybody who follows one of its targets at
that moment. It waits until their next digest, or until they leave the last of those targets. Who undoes that has
never left: what came meanwhile waits too. Mail that is held back before it was sent told nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from notifier.subscriptions.schedules import Rhythm

QUIET = timedelta(hours=1)
UNDO_PERIOD = timedelta(days=30)

Reasons = Mapping[int, int]  # {target: evidence}


@dataclass(frozen=True)
class Mail:
    at: datetime
    locale: str
    titles: bool
    reasons: frozenset[tuple[int, int, int]]  # (event, target, evidence)

    def targets(self) -> set[int]:
        return {target for _, target, _ in self.reasons}


@dataclass
class Wish:
    """One subscription. It hears on after it has ended, as an undo brings back what came meanwhile."""

    target: int
    reach: int
    heard: dict[int, int] = field(default_factory=dict)  # {event: evidence}, told or not
    ended_at: datetime | None = None


@dataclass
class Reader:
    name: str
    rhythm: Rhythm
    locale: str = "en"
    titles: bool = False
    wishes: list[Wish] = field(default_factory=list)
    told: set[int] = field(default_factory=set)  # events in mail that was sent, or is queued
    queued: list[Mail] = field(default_factory=list)
    quiet_until: datetime | None = None
    paused_until: datetime | None = None
    stopped_at: datetime | None = None

    def active(self) -> list[Wish]:
        return [wish for wish in self.wishes if wish.ended_at is None]

    def wish(self, target: int) -> Wish | None:
        return next((wish for wish in self.active() if wish.target == target), None)

    def waiting(self) -> frozenset[tuple[int, int, int]]:
        return frozenset(
            (event, wish.target, evidence)
            for wish in self.active()
            for event, evidence in wish.heard.items()
            if event not in self.told
        )

    def hear(self, event: int, reasons: Reasons) -> None:
        for wish in self.wishes:
            evidence = reasons.get(wish.target)
            if evidence and evidence <= wish.reach:
                wish.heard[event] = evidence

    def follow(self, target: int, reach: int) -> None:
        """Who comes back starts anew: what was queued when they stopped is not sent."""
        if self.stopped_at:
            self.hold_back(self.queued)
            self.stopped_at = None
        if not self.wish(target):
            self.wishes.append(Wish(target, reach))

    def unfollow(self, target: int, now: datetime) -> bool:
        wish = self.wish(target)
        if wish:
            wish.ended_at = now
        return wish is not None

    def stop_one(self, target: int, now: datetime) -> None:
        """What is queued and has this in it is not sent; the rest of it waits again."""
        if self.unfollow(target, now):
            self.hold_back([mail for mail in self.queued if target in mail.targets()])

    def stop(self, now: datetime) -> None:
        if self.stopped_at is None:
            for wish in self.active():
                wish.ended_at = now
            self.stopped_at = now

    def undo_all(self, now: datetime) -> None:
        if self.stopped_at and now - self.stopped_at <= UNDO_PERIOD:
            last = {wish.target: wish for wish in self.wishes if wish.ended_at == self.stopped_at}
            self._reopen(list(last.values()))

    def undo_one(self, number: int, now: datetime) -> None:
        ended = self.wishes[number].ended_at
        if ended and now - ended <= UNDO_PERIOD and not self.wish(self.wishes[number].target):
            self._reopen([self.wishes[number]])

    def _reopen(self, wishes: list[Wish]) -> None:
        """What was queued when they stopped goes out after all, but nothing about what stays stopped."""
        for wish in wishes:
            wish.ended_at = None
        if wishes and self.stopped_at:
            stopped = {w.target for w in self.wishes if w.ended_at and w.ended_at >= self.stopped_at}
            stopped -= {wish.target for wish in self.active()}
            self.hold_back([mail for mail in self.queued if stopped & mail.targets()])
            self.stopped_at = None

    def set_reach(self, target: int, reach: int) -> None:
        """Wider: from now on. Narrower: what is broader and waits is left out."""
        wish = self.wish(target)
        if wish:
            wish.reach = reach
            wish.heard = {event: evidence for event, evidence in wish.heard.items() if evidence <= reach}

    def resume(self, now: datetime) -> None:
        if self.paused_until and self.paused_until > now:
            self.paused_until = now

    def hold_back(self, mails: list[Mail]) -> None:
        self.told -= {event for mail in mails for event, *_ in mail.reasons}
        self.queued = [mail for mail in self.queued if mail not in mails]

    def post(self) -> None:
        """A sender takes what is queued; for who has stopped it is skipped."""
        if not self.active():
            self.hold_back(self.queued)
        self.queued = []

    def read(self, at: datetime, now: datetime) -> Mail | None:
        immediate, reasons = self.rhythm.frequency == "immediate", self.waiting()
        silent = [self.paused_until, self.quiet_until if immediate else None]
        if not reasons or any(until and until > at for until in silent):
            return None
        self.told |= {event for event, *_ in reasons}
        if immediate:
            self.quiet_until = at + QUIET
        self.queued.append(mail := Mail(now, self.locale, self.titles, reasons))
        return mail


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
