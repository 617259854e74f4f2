"""Who waits for a letter: newcomers who sign up, some with a double click, and people who have lost their link."""

import random
import re
import time
from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from urllib.parse import urlencode

import orjson

from tests.faults.house import API_KEY, House
from tests.faults.world import World

DOUBLE_CLICKS = 0.3  # of all who sign up
_FORM = re.compile(rb'name="form" value="([^"]+)"')


@dataclass
class Visitors:
    house: House
    world: World
    promised: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """{kind of letter: addresses}: who was told that one is on its way."""
    _pool: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(16))
    _under_way: "list[Future[None]]" = field(default_factory=list)
    _numbers: "count[int]" = field(default_factory=count)

    def come(self, wave: int, seconds: float) -> None:
        """One after the other, for so long. Whoever finds the house on fire goes on trying behind them."""
        chance = random.Random(f"visitors {self.world.seed} {wave}")
        visits = [partial(self._ask_for_link, email) for email in self.world.lost_links(wave)]
        for email, condition in self.world.newcomers(wave):
            clicks = 2 if chance.random() < DOUBLE_CLICKS else 1
            visits.append(partial(self._sign_up, email, condition, clicks))
        chance.shuffle(visits)
        for visit in visits:
            self._under_way.append(self._pool.submit(visit))
            time.sleep(seconds / len(visits))

    def go(self) -> None:
        for visit in self._under_way:
            visit.result()
        self._pool.shutdown()

    def _sign_up(self, email: str, condition: str, clicks: int) -> None:
        words = orjson.loads(self.house.persist("GET", "/v1/subscriptions/choices"))
        agreed = {name: words[name]["version"] for name in ("terms", "health_data")}
        body = orjson.dumps({"email": email, "conditions": [condition], **agreed})
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        with ThreadPoolExecutor(clicks) as hands:
            sent = [
                hands.submit(self.house.persist, "POST", "/v1/subscriptions", body, headers)
                for _ in range(clicks)
            ]
        for answer in sent:
            answer.result()
        self.promised["confirm"].add(email)

    def _ask_for_link(self, email: str) -> None:
        number = next(self._numbers)
        headers = {"X-Forwarded-For": f"198.18.{number // 250}.{number % 250 + 1}"}
        form = _FORM.search(self.house.persist("GET", "/manage", None, headers))
        assert form
        body = urlencode({"form": form[1].decode(), "email": email}).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        self.house.persist("POST", "/manage", body, headers)
        self.promised["manage_link"].add(email)
