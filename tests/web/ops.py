"""An operator with a browser's manners, on an office with mail in it."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.delivery.mail_links import MailLinks
from notifier.links.keys import email_key
from notifier.ops.heartbeat import QUEUES, beat
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.conftest import SECRET_KEY
from tests.delivery.office import Clock, Office
from tests.delivery.scripted import ScriptedProvider
from tests.world import NOON, World, condition, days

ASTHMA = condition("Asthma")
STUDY = "NCT01234567"
PEOPLE = ("anna", "ben", "carla", "dora")
SITE = "http://localhost:8000"
TOKEN = re.compile(r'name="token" value="([^"]+)"')


@dataclass
class Operator:
    client: TestClient
    wakes: list[str] = field(default_factory=list)

    def get(self, path: str = "", status: int = 200, **query: str) -> str:
        answer = self.client.get(f"/ops{path}", params=query)
        assert answer.status_code == status, said(answer.text)
        return answer.text

    def post(self, path: str, status: int = 200, **fields: str) -> str:
        """As a browser does it: the form is opened first, and what it holds is sent along."""
        address, _, query = path.partition("?")
        page = self.get(address, **dict(parse_qsl(query, keep_blank_values=True)))
        assert TOKEN.search(page)
        answer = self.client.post(
            f"/ops{address}",
            data={**hidden(page), **fields},
            headers={"origin": SITE, "sec-fetch-site": "same-origin"},
            follow_redirects=True,
        )
        assert answer.status_code == status, said(answer.text)
        return answer.text


def hidden(page: str) -> dict[str, str]:
    """What the form brings along of itself."""
    found = LexborHTMLParser(page).css("form[method=post] input[type=hidden]")
    return {str(one.attributes["name"]): str(one.attributes["value"] or "") for one in found}


def open_operator(engine: Engine, settings: Settings, clock: Clock, **chosen: object) -> Operator:
    own = Settings(_env_file=None, **{**settings.model_dump(exclude_unset=True), **chosen})
    wakes: list[str] = []
    return Operator(TestClient(create_app(own, engine, wakes.append, clock=clock), base_url=SITE), wakes)


def open_office(engine: Engine, settings: Settings) -> Office:
    """Four people who follow asthma, a new study, and a digest to each planned a moment ago. All is alive."""
    world = World(engine, settings)
    for name in PEOPLE:
        world.person(name, ASTHMA, key=email_key([SECRET_KEY], f"{name}@example.org"))
    world.event(ASTHMA, kind="new_study", nct_id=STUDY)
    world.run("daily", NOON + days(1))
    office = Office(world, ScriptedProvider(), Clock())
    alive(office)
    return office


def delivery_to(office: Office, name: str, mail: str = "digest") -> str:
    find = """SELECT d.id FROM deliveries d JOIN subscribers s ON s.id = d.subscriber_id
              JOIN batches b ON b.id = d.batch_id WHERE s.email = :email AND b.mail = :mail"""
    ((delivery,),) = office.sql(find, email=f"{name}@example.org", mail=mail)
    return str(delivery)


def alive(office: Office) -> None:
    for queue in QUEUES:
        beat(office.world.engine, now=office.clock(), name=queue)


def links_of(settings: Settings) -> MailLinks:
    return MailLinks.of([SECRET_KEY], settings.public_url)


def said(html: str) -> str:
    """What the page says, on one line."""
    page = LexborHTMLParser(html)
    for node in page.css("style"):
        node.decompose()
    assert page.body
    return " ".join(page.body.text().split())


def rows(html: str) -> list[list[str]]:
    """What stands in the tables, cell by cell."""
    return [
        [" ".join(cell.text().split()) for cell in row.css("th, td")]
        for row in LexborHTMLParser(html).css("main tbody tr")
    ]
