"""The operators' pages in a browser, from a phone to a desk, by day and by night."""

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.delivery.office import Office
from tests.web.browsing import SCREENS, check_usable
from tests.web.ops import delivery_to, open_office


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """One refused for good, the others in doubt, the key refused; one put on the do-not-mail list."""
    office = open_office(engine, settings)
    office.provider.answers = [
        lambda batch: Outcome(
            "unknown", reason="timed out", refused={batch.recipients[0].delivery_id: "no address"}
        )
    ]
    office.send()
    office.sql(
        """INSERT INTO suppressions (email_key, reason, note, created_at)
           SELECT email_key, 'operator', 'by phone', :now FROM subscribers LIMIT 1""",
        now=office.clock(),
    )
    office.sql(
        """INSERT INTO operator_actions (at, actor, action, subject, note)
           VALUES (:now, 'olga', 'sending_paused', 'all', 'a_note_without_spaces_that_is_very_long_indeed')""",
        now=office.clock(),
    )
    with engine.begin() as conn:
        brakes.pull(conn, "breaker", "HTTP 401: the key is refused", now=office.clock())
    return office


@pytest.fixture
def app(office: Office, engine: Engine, settings: Settings) -> FastAPI:
    return create_app(settings, engine, lambda reason: None, clock=office.clock)


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_every_page_is_usable(browser: Browser, base: str, office: Office, width: int, scheme: str):
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)  # type: ignore[arg-type]
    delivery = delivery_to(office, "ben")
    for path in (
        "",
        "/deliveries",
        "/deliveries?state=bounced",
        f"/deliveries/{delivery}",
        f"/deliveries/{delivery}/again",
        "/failures",
        "/failures/again?state=unknown&class=unknown&reason=timed%20out&upto=99",
        "/runs",
        "/sending/resume",
        "/suppressions",
        "/suppressions/add",
        "/trace",
        "/trace?study=NCT01234567",
        "/trace?study=NCT00000001",
        "/audit",
        "/runbooks/BeatSilent",
        "/deliveries/none",
    ):
        page.goto(f"{base}/ops{path}")
        check_usable(page)
    page.close()


def test_an_operator_traces_a_person_and_the_address_is_in_no_address_bar(
    browser: Browser, base: str, office: Office
):
    page = browser.new_page(viewport={"width": 320, "height": 800})
    page.goto(f"{base}/ops/trace")
    page.get_by_label("Their address").fill("ben@example.org")
    page.get_by_label("Study, if it is about one").fill("NCT01234567")
    page.get_by_label("Why? A few words").fill("he asked")
    page.get_by_role("button", name="Trace the person").click()
    page.get_by_text("In a mail that is").first.wait_for()
    assert page.url == f"{base}/ops/trace"
    check_usable(page)
    page.get_by_role("link", name="Its story").click()
    assert "to b•••@example.org" in (page.locator("h1").text_content() or "")
    page.close()


def test_everything_is_paused_with_the_keyboard_alone(browser: Browser, base: str, office: Office):
    page = browser.new_page()
    page.goto(f"{base}/ops")
    press_to(page, "Pause all sending")
    page.get_by_label("Why? A few words").press_sequentially("a fire")
    page.keyboard.press("Enter")
    page.get_by_role("status").wait_for()
    assert page.get_by_role("status").text_content() == "Sending is paused."
    assert office.sql("SELECT reason FROM brakes WHERE name = 'paused'") == [("a fire",)]
    page.close()


def press_to(page: Page, name: str) -> None:
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent").strip() == name:
            page.keyboard.press("Enter")
            page.wait_for_load_state()
            return
    raise AssertionError(f"Tab never came to {name}")
