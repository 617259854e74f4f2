"""What breaks the house, at moments that the seed chooses."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import create_engine, text

from tests.faults import steps
from tests.faults.house import SCHEDULERS, WORKERS, House
from tests.faults.servers import Redis
from tests.faults.world import World

ODDS = {
    "503": 0.03, "500": 0.02, "500_after": 0.02, "429": 0.01,
    "reset_before": 0.02, "reset_after": 0.02, "hang_before": 0.005, "hang_after": 0.005,
}  # fmt: skip
LATENCY_SECONDS = 0.05
PAUSE_SECONDS = (2.0, 5.0)


@dataclass
class Chaos:
    """Two threads: one arms a kill at each named step, one after the other; one breaks what is around."""

    house: House
    redis: Redis
    world: World
    step_seconds: tuple[float, float]
    did: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self) -> None:
        self.chance = random.Random(f"chaos {self.world.seed}")
        self.upset_provider()
        work: tuple[Callable[[], None], ...] = (self._arm_steps, self._break_things)
        self._threads = [threading.Thread(target=target, daemon=True) for target in work]
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        """Nothing breaks from now on."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        for name in steps.STEPS:
            (self.house.plans / name).unlink(missing_ok=True)
        self.house.fake.script(refuse=self._refused(), name_refused=True, latency=LATENCY_SECONDS)
        self.house.restart_dead()

    def steps_left(self) -> set[str]:
        """At which nobody has died so far."""
        return steps.STEPS.keys() - {step for step, _ in steps.deaths(self.house.plans)}

    def upset_provider(self) -> None:
        """A new mood of the provider: faults by chance, now and then a whole second of 429."""
        throttle = {"name": "429", "reset_in": 2, "times": 3}
        self.house.fake.script(
            *([throttle] if self.chance.random() < 0.3 else []),
            random={"odds": ODDS, "seed": self.chance.randrange(10**9)},
            latency=LATENCY_SECONDS,
            refuse=self._refused(),
            name_refused=self.chance.random() < 0.5,
        )

    def _refused(self) -> list[str]:
        return [person.email for person in self.world.with_end("refused")]

    def _arm_steps(self) -> None:
        chance = random.Random(f"steps {self.world.seed}")
        order = list(steps.STEPS)
        chance.shuffle(order)
        while not self._over.is_set():
            for step in order:
                if step in steps.OF_PAGES - self.steps_left():
                    continue
                whom = steps.GROUP if chance.random() < 0.1 else steps.ALONE
                steps.arm(self.house.plans, step, whom)
                if self._over.wait(chance.uniform(*self.step_seconds)):
                    return

    def _break_things(self) -> None:
        kinds: dict[str, tuple[Callable[[], None], int]] = {
            "worker killed": (self._kill_worker, 1),
            "worker stopped for a while": (self._stop_worker, 1),
            "scheduler killed": (self._kill_scheduler, 1),
            "web killed": (self._kill_web, 1),
            "redis killed": (self._kill_redis, 2),
            "redis flushed": (self.redis.flush, 2),
            "connections dropped": (self._drop_connections, 4),
            "provider's mood changed": (self.upset_provider, 3),
        }
        names, weights = list(kinds), [weight for _, weight in kinds.values()]
        while not self._over.wait(self.chance.uniform(*PAUSE_SECONDS)):
            (name,) = self.chance.choices(names, weights)
            kinds[name][0]()
            self.did[name] += 1
            self.house.restart_dead()

    def _kill_worker(self) -> None:
        self.house.signal(self.chance.choice(WORKERS), signal.SIGKILL)
        time.sleep(0.1)

    def _stop_worker(self) -> None:
        """Its leases run out while it stands still; then it goes on as if nothing had been."""
        name = self.chance.choice(WORKERS)
        self.house.signal(name, signal.SIGSTOP)
        self._over.wait(self.house.times["lease"] + self.chance.uniform(0, 3))
        self.house.signal(name, signal.SIGCONT)

    def _kill_scheduler(self) -> None:
        self.house.signal(self.chance.choice(SCHEDULERS), signal.SIGKILL)
        time.sleep(0.1)

    def _kill_web(self) -> None:
        self.house.signal("web", signal.SIGKILL)
        time.sleep(0.1)

    def _kill_redis(self) -> None:
        self.redis.kill()
        self._over.wait(self.chance.uniform(0, 1.5))
        self.redis.start()

    def _drop_connections(self) -> None:
        """Half of those that are open, with whatever they are in."""
        engine = create_engine(self.house.database_url, isolation_level="AUTOCOMMIT")
        with engine.connect() as conn:
            conn.execute(
                text(
                    """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                       WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.5
                         AND application_name LIKE 'notifier%'"""
                )
            )
        engine.dispose()
