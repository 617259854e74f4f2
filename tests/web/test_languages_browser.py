"""Pages from right to left, on a phone and a desk."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.web.service import Service
from tests.languages.made_up import in_other_letters, spoken
from tests.web.browsing import check_usable
from tests.web.conftest import STUDY, query
from tests.web.test_manage_after_the_end import comes_to

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def arabic(tmp_path: Path) -> Iterator[None]:
    with spoken(tmp_path, "ar", in_other_letters):
        yield


@pytest.fixture(params=[320, 1280])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(locale="ar", viewport={"width": request.param, "height": 640})
    yield context.new_page()
    context.close()


def open_(page: Page, address: str) -> None:
    page.goto(address)
    assert page.evaluate("getComputedStyle(document.body).direction") == "rtl"
    check_usable(page)


def press(page: Page, what: str) -> None:
    page.locator(what).first.click()
    check_usable(page)


def starts_right(page: Page, what: str) -> bool:
    """Its text begins where the line begins."""
    box = page.locator(what).first.evaluate(
        """node => { const range = document.createRange(); range.selectNodeContents(node);
        const text = range.getBoundingClientRect(), all = node.getBoundingClientRect();
        return [text.left - all.left, all.right - text.right]; }"""
    )
    return bool(box[1] <= box[0])


def test_signing_up(page: Page, base: str, known_study: str):
    open_(page, f"{base}/subscribe")
    press(page, "button")
    open_(page, f"{base}/subscribe?study={known_study}&condition=Dry+Eye")
    press(page, "main form > p button")
    assert page.locator(".errors").evaluate("node => node === document.activeElement")
    assert starts_right(page, "h1")
    box, label = (page.locator(one).bounding_box() for one in ("#terms", ".choice:has(#terms) > span"))
    assert box["x"] > label["x"]
    page.locator("#email").fill("anna@example.org")
    page.locator("#terms").check()
    page.locator("#health").check()
    press(page, "main form > p button")
    press(page, ".actions button")
    open_(page, f"{base}/subscribe/embed?study={known_study}")


def test_managing_and_leaving(
    page: Page, base: str, app, engine: Engine, service: Service, ben, known_study: str, clock
):
    with TestClient(app) as client:
        comes_to(client, "COMPLETED", "Eye Strain")
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscribers SET locale = 'ar'"))
    open_(page, f"{base}/manage/{service.manage_links.token(ben, clock())}")
    press(page, "summary")
    assert starts_right(page, "h2")
    press(page, "form:has(#lang) button")
    assert page.locator("[role=status]").is_visible()
    link = f"{base}/u/{service.links.token(ben)}"
    target = query(engine, "SELECT id FROM targets WHERE key = :key", key=STUDY)[0].id
    open_(page, f"{link}/often")
    open_(page, f"{link}/{service.items.token(target)}")
    press(page, ".actions button")
