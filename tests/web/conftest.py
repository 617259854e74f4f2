from collections.abc import Iterator
from uuid import UUID

import pytest
import structlog
from fastapi import FastAPI
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.world import NOON, World, condition

API_KEY = "an-api-key-for-tests-0123456789abcdef"
KEY = {"authorization": f"Bearer {API_KEY}"}
CONDITION = "Squamous Cell Carcinoma of Head and Neck"


@pytest.fixture
def web_settings(settings: Settings) -> Settings:
    return Settings(_env_file=None, **{**settings.model_dump(exclude_unset=True), "api_keys": [API_KEY]})


@pytest.fixture
def wakes() -> list[str]:
    return []


@pytest.fixture
def app(web_settings: Settings, engine: Engine, wakes: list[str]) -> FastAPI:
    with engine.begin() as conn:
        conn.execute(text("UPDATE installation SET installed_at = :noon"), {"noon": NOON})
    return create_app(web_settings, engine, wakes.append, clock=lambda: NOON)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app, follow_redirects=False) as client:
        yield client


@pytest.fixture
def links(web_settings: Settings) -> UnsubscribeLinks:
    keys = [key.get_secret_value() for key in web_settings.secret_keys]
    return UnsubscribeLinks(keys, web_settings.public_url)


@pytest.fixture
def anna(engine: Engine, web_settings: Settings) -> UUID:
    """Somebody who follows a condition; returns her public id."""
    number = World(engine, web_settings).person("anna", condition(CONDITION))
    with engine.connect() as conn:
        public_id: UUID = conn.execute(
            text("SELECT public_id FROM subscribers WHERE id = :id"), {"id": number}
        ).scalar_one()
    return public_id


@pytest.fixture
def path(links: UnsubscribeLinks, anna: UUID) -> str:
    return f"/u/{links.token(anna)}"


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
