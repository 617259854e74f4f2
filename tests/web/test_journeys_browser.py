"""From the form to goodbye with JavaScript off, and by keyboard alone."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import Engine

from notifier.web.service import Service
from tests.web.conftest import Clock, letters, query, state

pytestmark = pytest.mark.browser


@pytest.fixture(params=[320, 1280])
def no_script(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": request.param, "height": 640})
    yield context
    assert context.cookies() == []
    context.close()


def tab_to(page: Page, words: str, presses: int = 80) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(presses):
        page.keyboard.press("Tab")
        focus = page.locator(":focus")
        name = " ".join(filter(None, (focus.get_attribute("id"), focus.text_content())))
        if words in name:
            return
    raise AssertionError(f"the keyboard never comes to {words!r}")


def press(page: Page, words: str, heading: str) -> None:
    tab_to(page, words)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h1").text_content() == heading


def test_from_sign_up_to_goodbye_by_keyboard_alone_without_script(
    no_script: BrowserContext, base: str, engine: Engine, service: Service, clock: Clock, known_study: str
):
    page = no_script.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{base}/subscribe?study={known_study}&condition=Dry+Eye")
    press(page, "Sign up", "Get email updates")
    assert page.locator(":focus").get_attribute("class") == "errors"
    tab_to(page, "Enter your email address")
    page.keyboard.press("Enter")
    assert page.locator(":focus").get_attribute("id") == "email"
    page.keyboard.type("anna@example.org")
    for box in ("terms", "health"):
        tab_to(page, box)
        page.keyboard.press("Space")
    press(page, "Sign up", "Check your email")
    assert letters(engine) == ["confirm"]
    signed_up = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    page.goto(f"{base}/confirm/{service.confirm_links.token(signed_up, clock())}")
    assert query(engine, "SELECT 1 FROM subscriptions") == []
    press(page, "Yes, start my updates", "You are all set")
    assert state(engine) == ("active", 2)
    press(page, "Change how often", "Your email updates")
    press(page, "Stop updates about Dry Eye", "Your email updates")
    assert state(engine) == ("active", 1)
    press(page, "Start updates about Dry Eye again", "Your email updates")
    press(page, "Stop all emails", "Stop all emails?")
    press(page, "Stop all emails", "All emails stopped")
    assert state(engine) == ("stopped", 0)
    assert letters(engine) == ["confirm", "stopped"]
    press(page, "Delete my data", "Delete your data?")
    press(page, "Delete my data", "Your data is deleted")
    assert query(engine, "SELECT 1 FROM subscribers") == query(engine, "SELECT 1 FROM sign_ups") == []
    assert all(url.startswith(base) for url in asked)


def test_the_way_out_is_one_button_by_keyboard_alone_without_script(
    no_script: BrowserContext, base: str, engine: Engine, path: str
):
    page = no_script.new_page()
    assert page.goto(base + path).status == 200
    assert page.locator("h1").text_content() == "Stop these emails?"
    assert state(engine) == ("active", 1)
    press(page, "Stop these emails", "You will not get these emails any more")
    assert page.locator(":focus").text_content() == "You will not get these emails any more"
    assert state(engine) == ("stopped", 0)
    press(page, "Undo", "Your updates are on again")
    assert state(engine) == ("active", 1)


def test_the_focus_can_be_seen(no_script: BrowserContext, base: str, browser: Browser, path: str):
    page = browser.new_page()
    page.goto(base + path)
    page.keyboard.press("Tab")
    focus = page.locator(":focus")
    assert focus.text_content() == "Stop these emails"
    assert focus.evaluate("button => getComputedStyle(button).outlineWidth") == "3px"
    page.close()


def test_a_data_file_is_saved_not_shown(no_script: BrowserContext, base: str, service: Service, ben, clock):
    page = no_script.new_page()
    page.goto(f"{base}/manage/{service.manage_links.token(ben, clock())}")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download my data").click()
    assert download.value.suggested_filename == "my-data.json"
