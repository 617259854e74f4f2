"""The form inside a page of the site's."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from tests.web.browsing import chromium, served
from tests.web.conftest import SITE, letters

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def framed(browser: Browser, origin: str, address: str) -> Page:
    """A page at `origin`, made up here, that frames `address`."""
    page = browser.new_page(java_script_enabled=False, viewport={"width": 320, "height": 640})
    html = f'<!doctype html><iframe title="Updates" width="100%" height="1400" src="{address}"></iframe>'
    page.route(f"{origin}/**", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(f"{origin}/study")
    return page


def test_the_site_can_frame_the_form_and_people_sign_up_in_it(browser: Browser, app: FastAPI, engine: Engine):
    with served(app) as base:
        page = framed(browser, SITE, f"{base}/subscribe/embed?condition=Asthma")
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


def test_others_cannot_frame_it_and_the_site_can_frame_nothing_else(browser: Browser, app: FastAPI):
    with served(app) as base:
        for origin, path in (
            ("https://elsewhere.example", "/subscribe/embed?condition=Asthma"),
            (SITE, "/subscribe?condition=Asthma"),
        ):
            page = framed(browser, origin, base + path)
            page.wait_for_load_state("networkidle")
            assert page.frame_locator("iframe").get_by_role("button", name="Sign up").count() == 0
            page.close()
