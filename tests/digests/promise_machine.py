"""What the registry, time and schedulers do, and with people's deeds the whole state machine."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from notifier.digests.runs import schedules_of
from notifier.subscriptions.schedules import FREQUENCIES, Rhythm
from tests.digests.promise_minds import Minds
from tests.digests.promise_people import MOST_READERS
from tests.digests.promise_stage import news, reaches, rhythms, some, topics

STRIDES = [timedelta(minutes=n) for n in (1, 20, 59, 60, 61)] + [
    timedelta(hours=n) for n in (3, 8, 12, 23, 24, 25, 48, 170, 220)
]
STEPS = ("claim_run", "match_range", "write_editions", "open_run", "write_deliveries", "close_range")

any_schedule = precondition(lambda self: self.model.clocks)


class Crash(Exception):
    """The planner's process has died."""


class PromiseFour(Minds):
    @rule(about=news, numbered=st.booleans())
    def event(self, about: dict[str, int], numbered: bool) -> None:
        with self.world.engine.begin() as conn:
            event, reasons = self.add_event(conn, about)
        self.model.unnumbered[event] = reasons
        if numbered:
            self.number()

    @precondition(lambda self: len(self.uncommitted) < 2)
    @rule(about=news)
    def event_that_is_committed_late(self, about: dict[str, int]) -> None:
        conn = self.world.engine.connect()
        self.uncommitted.append((conn, *self.add_event(conn, about)))

    @precondition(lambda self: self.uncommitted)
    @rule()
    def late_commit(self) -> None:
        self.commit_late()

    @rule(stride=st.sampled_from(STRIDES))
    def time_passes(self, stride: timedelta) -> None:
        self.now += stride

    @rule()
    def scheduler_ticks(self) -> None:
        self.tick()

    @rule(frequency=st.sampled_from(FREQUENCIES), back=st.sampled_from([0, 0, 1, 3]))
    def run_by_hand(self, frequency: str, back: int) -> None:
        """As if it were some days ago; immediate mail knows no such thing."""
        at = self.now - timedelta(days=back if frequency != "immediate" else 0)
        with self.world.engine.connect() as conn:
            ids = schedules_of(conn, frequency)
        for id_ in ids:
            self.plan(id_, at)
        if ids:
            self.model.number()
        for rhythm in self.model.clocks:
            if rhythm.frequency == frequency:
                self.model.plan(rhythm, at, self.now)
        self.compare()

    @any_schedule
    @rule(which=some, step=st.sampled_from(STEPS), after=st.booleans())
    def planner_crashes(self, which: int, step: str, after: bool) -> None:
        rhythm = self.rhythm(which)

        def crash() -> None:
            raise Crash

        try:
            self.plan_with(rhythm, step, crash, after=after)
        except Crash:
            self.model.number()
        else:  # it did not come to that step
            self.model_plans(rhythm)
        self.compare()

    @any_schedule
    @rule(which=some)
    def two_schedulers_at_once(self, which: int) -> None:
        rhythm = self.rhythm(which)
        id_ = self.schedule(rhythm)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: self.plan(id_), range(2)))
        self.model_plans(rhythm)
        self.compare()

    @any_schedule
    @rule(which=some, about=news, who=some, topic=topics, reach=reaches, rhythm=rhythms)
    def much_happens_before_a_planner_claims(
        self, which: int, about: dict[str, int], who: int, topic: str, reach: int, rhythm: Rhythm
    ) -> None:
        """Between numbering and claiming an event comes, somebody signs up, moves, follows more."""
        planned = self.rhythm(which)

        def meanwhile() -> None:
            self.model.number()
            self.event(about, numbered=True)
            if len(self.model.readers) < MOST_READERS:
                self.sign_up({topic}, reach, rhythm, "en", False)
            self.follow(who, topic, reach)
            self.reschedule(who + 1, rhythm)

        self.plan_with(planned, "claim_run", meanwhile)
        self.model_plans(planned)
        self.compare()

    @any_schedule
    @rule(which=some, about=news)
    def an_event_comes_while_a_run_is_planned(self, which: int, about: dict[str, int]) -> None:
        """Too late for this run, so it is in the next."""
        rhythm = self.rhythm(which)
        came: list[bool] = []

        def meanwhile() -> None:
            self.model_plans(rhythm)
            self.event(about, numbered=True)
            came.append(True)

        self.plan_with(rhythm, "match_range", meanwhile)
        if not came:
            self.model_plans(rhythm)
        self.compare()
