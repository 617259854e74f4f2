"""The form inside a page of the site's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from notifier.settings import Settings
from notifier.web.app import create_app
from tests.web.browsing import served
from tests.web.conftest import letters

pytestmark = pytest.mark.browser


@pytest.fixture
def site() -> Iterator[str]:
    """Another origin, whose page frames whatever address it is asked to."""

    async def study_page(request: Request) -> HTMLResponse:
        address = request.query_params["frame"]
        return HTMLResponse(f'<!doctype html><iframe title="Updates" height="1400" src="{address}"></iframe>')

    with served(Starlette(routes=[Route("/", study_page)])) as base:
        yield base


@pytest.fixture
def base(site: str, web_settings: Settings, engine: Engine) -> Iterator[str]:
    settings = {**web_settings.model_dump(exclude_unset=True), "site_origins": [site]}
    with served(create_app(Settings(_env_file=None, **settings), engine, lambda reason: None)) as base:
        yield base


def framed(browser: Browser, site: str, address: str) -> Page:
    page = browser.new_page(java_script_enabled=False, viewport={"width": 320, "height": 640})
    page.goto(f"{site}/?frame={address}")
    return page


def test_the_site_can_frame_the_form_and_people_sign_up_in_it(browser, site: str, base: str, engine: Engine):
    page = framed(browser, site, f"{base}/subscribe/embed?condition=Asthma")
    form = page.frame_locator("iframe")
    form.get_by_role("button", name="Sign up").click()
    form.get_by_text("Please check your answers").wait_for()
    form.get_by_label("Your email address").fill("anna@example.org")
    form.locator("#terms").check()
    form.locator("#health").check()
    form.get_by_role("button", name="Sign up").click()
    form.get_by_role("heading", name="Check your email").wait_for()
    form.get_by_role("button", name="Send it again").click()
    form.get_by_text("Please wait a minute").wait_for()
    page.close()
    assert letters(engine) == ["confirm"]


def test_others_cannot_frame_it_and_the_site_can_frame_nothing_else(browser: Browser, site: str, base: str):
    for origin, path in (
        (site.replace("127.0.0.1", "localhost"), "/subscribe/embed?condition=Asthma"),
        (site, "/subscribe?condition=Asthma"),
    ):
        page = framed(browser, origin, base + path)
        page.wait_for_load_state("networkidle")
        assert page.frame_locator("iframe").get_by_role("button", name="Sign up").count() == 0
        page.close()
