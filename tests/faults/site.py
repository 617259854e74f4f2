"""The world as it comes to the house: over HTTP from the site and from mailboxes, and as runs that fall due."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from notifier.delivery.planning import plan_all
from notifier.digests.runs import schedules_of
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from tests.faults.house import API_KEY, SECRET_KEY, House
from tests.faults.world import World
from tests.journeys.records import Record

FIRST_DAY = datetime(2027, 1, 4, 23, 59, tzinfo=UTC)  # by then each zone has had its hour


@dataclass
class Site:
    house: House
    world: World
    engine: Engine
    settings: Settings
    left: dict[str, tuple[int, float]] = field(default_factory=dict)  # address: (wave, Unix seconds)

    def people_arrive(self) -> None:
        """Before anything breaks."""
        self._push(self.world.first_records())
        path = self.house.folder / "people.csv"
        path.write_text(self.world.csv())
        self.house.command("subscribers", "import", str(path))

    def news(self, number: int) -> None:
        """A wave: what the site pushes, and the daily run over it, planned by two at once."""
        self._push(self.world.waves[number].records())
        with ThreadPoolExecutor(2) as planners:
            list(planners.map(self._plan_daily, [number] * 2))

    def some_leave(self, wave: int) -> None:
        """Their share of those who will leave clicks now, while mail to them is queued."""
        leavers = self.world.with_end("leaves")[wave :: len(self.world.waves)]
        links = self._links()
        for person in leavers:
            self._click(links[person.email])
            self.left[person.email] = (wave, time.time())

    def _push(self, records: list[Record]) -> None:
        headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": "application/json"}
        body = orjson.dumps({"studies": [{"record": record} for record in records]})
        answer = self.house.persist("PUT", "/v1/studies", body, headers)
        assert not orjson.loads(answer)["errors"], answer

    def _click(self, url: str) -> None:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        self.house.persist("POST", url.removeprefix(self.house.url), b"List-Unsubscribe=One-Click", headers)

    def _plan_daily(self, number: int) -> None:
        at = FIRST_DAY + timedelta(days=number)
        for _ in range(10):
            try:
                with self.engine.connect() as conn:
                    schedules = schedules_of(conn, "daily")
                plan_all(self.engine, schedules, at=at, now=datetime.now(UTC), settings=self.settings)
                return
            except DBAPIError:  # its connection was dropped; whoever schedules tries again
                time.sleep(0.2)
        raise AssertionError("the daily run could not be planned")

    def _links(self) -> dict[str, str]:
        links = UnsubscribeLinks([SECRET_KEY], self.house.url)
        with self.engine.connect() as conn:
            rows = conn.execute(text("SELECT email, public_id FROM subscribers")).all()
        return {row.email: links.url(UUID(str(row.public_id))) for row in rows}
