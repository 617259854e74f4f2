from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from fastapi import FastAPI
from playwright.sync_api import Browser
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.conditions.targets import study_target
from notifier.links.keys import email_key
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web.app import create_app
from notifier.web.service import Service
from tests.registry.samples import study
from tests.web.browsing import chromium, served
from tests.world import NOON, World, condition

API_KEY = "an-api-key-for-tests-0123456789abcdef"
KEY = {"authorization": f"Bearer {API_KEY}"}
CONDITION = "Squamous Cell Carcinoma of Head and Neck"
STUDY = "NCT01234567"
ANNA = "anna@example.org"
SITE = "https://www.example.org"


@dataclass
class Clock:
    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@pytest.fixture
def web_settings(settings: Settings) -> Settings:
    chosen = {"api_keys": [API_KEY], "site_origins": [SITE]}
    return Settings(_env_file=None, **{**settings.model_dump(exclude_unset=True), **chosen})


@pytest.fixture
def wakes() -> list[str]:
    return []


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def app(web_settings: Settings, engine: Engine, wakes: list[str], clock: Clock) -> FastAPI:
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET installed_at = :noon"), {"noon": NOON})
    return create_app(web_settings, engine, wakes.append, clock=clock)


@pytest.fixture
def service(app: FastAPI) -> Service:
    found: Service = app.state.service
    return found


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def links(service: Service) -> UnsubscribeLinks:
    return service.links


@pytest.fixture
def world(engine: Engine, web_settings: Settings) -> World:
    return World(engine, web_settings)


@pytest.fixture
def anna(engine: Engine, world: World, service: Service) -> UUID:
    """Somebody who follows a condition; returns her public id."""
    return public_id_of(engine, world.person("anna", condition(CONDITION), key=email_key(service.keys, ANNA)))


@pytest.fixture
def ben(engine: Engine, world: World, service: Service) -> UUID:
    """Somebody who follows a study and two conditions."""
    wishes = (study_target(STUDY), condition("Asthma"), condition("Dry Eye"))
    return public_id_of(engine, world.person("ben", *wishes, key=email_key(service.keys, "ben@example.org")))


@pytest.fixture
def path(links: UnsubscribeLinks, anna: UUID) -> str:
    return f"/u/{links.token(anna)}"


@pytest.fixture
def known_study(client: TestClient) -> str:
    client.put("/v1/studies", json={"studies": [{"record": study()}]}, headers=KEY)
    return STUDY


@pytest.fixture
def log_lines() -> Iterator[list[structlog.typing.EventDict]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


def state(engine: Engine) -> tuple[str, int]:
    """(the person's state, active subscriptions)"""
    with engine.connect() as conn:
        return (
            conn.execute(text("SELECT state FROM subscribers")).scalar_one(),
            conn.execute(text("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL")).scalar_one(),
        )


def public_id_of(engine: Engine, subscriber_id: int) -> UUID:
    find = text("SELECT public_id FROM subscribers WHERE id = :id")
    with engine.connect() as conn:
        public_id: UUID = conn.execute(find, {"id": subscriber_id}).scalar_one()
    return public_id


def letters(engine: Engine) -> list[str]:
    """The letters that were posted, in order."""
    with engine.connect() as conn:
        find = text("SELECT mail FROM batches WHERE mail <> 'digest' ORDER BY id")
        return list(conn.execute(find).scalars())


def query(engine: Engine, statement: str, **bind: Any) -> list[Any]:
    with engine.connect() as conn:
        return list(conn.execute(text(statement), bind).all())


def heading(html: str) -> str:
    found = LexborHTMLParser(html).css("h1")
    assert len(found) == 1
    return found[0].text()


def shown(html: str) -> str:
    """What the page says, on one line."""
    page = LexborHTMLParser(html)
    for node in page.css("style"):
        node.decompose()
    assert page.body
    return " ".join(page.body.text().split())


def fields(html: str, form: str = "form") -> dict[str, list[str]]:
    """What a browser would send with the first form that `form` selects, as it is."""
    found: dict[str, list[str]] = {}
    for field in LexborHTMLParser(html).css_first(form).css("input, select"):
        name, kind = field.attributes.get("name"), field.attributes.get("type")
        if name is None or (kind in ("checkbox", "radio") and "checked" not in field.attributes):
            continue
        value = field.attributes.get("value") or ""
        if field.tag == "select":
            chosen = field.css_first("option[selected]")
            value = chosen.attributes.get("value") or chosen.text()
        found.setdefault(name, []).append(value)
    return found


def errors(html: str) -> dict[str, str]:
    """{field that the summary points to: what it says}; each leads to something on the page."""
    page = LexborHTMLParser(html)
    found = {link.attributes["href"][1:]: link.text() for link in page.css(".errors a")}
    assert all(page.css_first(f"#{field}") for field in found)
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def base(app: FastAPI) -> Iterator[str]:
    """Where a browser reaches the pages."""
    with served(app) as base:
        yield base
