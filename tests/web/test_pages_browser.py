"""Every state of every page in a real browser, on a phone and a desk, light and dark."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine, text

from notifier.conditions.targets import study_target
from notifier.links.keys import email_key
from notifier.web.service import Service
from tests.web.browsing import SCREENS, check
from tests.web.conftest import CONDITION, STUDY, public_id_of, query
from tests.world import NOON, World, condition

pytestmark = pytest.mark.browser


@pytest.fixture(params=SCREENS, ids=lambda screen: f"{screen[0]}-{screen[1]}")
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 640})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    assert [line for line in complaints if "Content Security Policy" in line] == []
    context.close()


@pytest.fixture
def person(engine: Engine, world: World, service: Service) -> UUID:
    wishes = (study_target(STUDY), condition(CONDITION))
    key = email_key(service.keys, "anna@example.org")
    return public_id_of(engine, world.person("anna", *wishes, key=key))


def press(page: Page, name: str, heading: str) -> None:
    page.get_by_role("button", name=name).first.click()
    check(page, heading)


def open_(page: Page, address: str, heading: str) -> None:
    page.goto(address)
    check(page, heading)


def test_signing_up(page: Page, base: str, known_study: str, service: Service, clock):
    open_(page, f"{base}/subscribe", "Get email updates")
    press(page, "Continue", "Get email updates")
    open_(page, f"{base}/subscribe?study=NCT09999999", "Get email updates")
    form = f"{base}/subscribe?study={known_study}&condition=Dry+Eye"
    open_(page, form, "Get email updates")
    press(page, "Sign up", "Get email updates")
    assert page.locator(".errors").evaluate("node => node === document.activeElement")
    page.get_by_label("Your email address").fill("anna@example.org")
    page.locator("#terms").check()
    page.locator("#health").check()
    press(page, "Sign up", "Check your email")
    assert page.locator(":focus").text_content() == "Check your email"
    press(page, "Send it again", "Check your email")
    press(page, "Use another address", "Get email updates")
    open_(page, form.replace("/subscribe", "/subscribe/embed"), "Get email updates")
    press(page, "Sign up", "Get email updates")


def test_confirming(page: Page, base: str, engine: Engine, service: Service, known_study: str, clock):
    page.goto(f"{base}/subscribe?study={known_study}&condition={CONDITION}")
    page.get_by_label("Your email address").fill("anna@example.org")
    page.locator("#terms").check()
    page.locator("#health").check()
    page.get_by_role("button", name="Sign up").click()
    signed_up = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    link = f"{base}/confirm/{service.confirm_links.token(signed_up, clock())}"
    old = f"{base}/confirm/{service.confirm_links.token(signed_up, clock() - timedelta(days=8))}"
    open_(page, old, "This link is too old")
    open_(page, f"{base}/confirm/cut-off", "This link does not work")
    open_(page, link, "Start email updates?")
    press(page, "Yes, start my updates", "You are all set")
    open_(page, link, "Your updates are already on")
    for change, heading in (
        ("UPDATE subscribers SET state = 'stopped'", "You stopped these emails"),
        ("UPDATE sign_ups SET confirmed_at = NULL, subscriber_id = NULL", "Start email updates?"),
    ):
        with engine.begin() as conn:
            conn.execute(text(change))
        open_(page, link, heading)
    press(page, "This was not me", "Thank you for telling us")


def test_managing(page: Page, base: str, engine: Engine, service: Service, person: UUID, clock):
    own = f"{base}/manage/{service.manage_links.token(person, clock())}"
    open_(page, own, "Your email updates")
    page.locator("summary").first.click()
    check(page, "Your email updates")
    press(page, "Save", "Your email updates")
    assert page.locator(":focus").text_content() == "Your email updates"
    press(page, "Pause my emails", "Your email updates")
    press(page, "Stop updates about", "Your email updates")
    with engine.begin() as conn:
        conn.execute(
            text("INSERT INTO suppressions SELECT email_key, 'bounced', NULL, now() FROM subscribers")
        )
    open_(page, own, "Your email updates")
    press(page, "Try again", "Your email updates")
    open_(page, f"{own}?ask=delete", "Delete your data?")
    open_(page, f"{own}?ask=stop", "Stop all emails?")
    press(page, "Stop all emails", "All emails stopped")
    open_(page, own, "Your email updates")
    page.goto(f"{own}?ask=delete")
    press(page, "Delete my data", "Your data is deleted")
    old = f"{base}/manage/{service.manage_links.token(person, NOON - timedelta(days=31))}"
    open_(page, old, "This link is too old")
    open_(page, f"{base}/manage", "See or change your updates")
    press(page, "Send me a link", "See or change your updates")
    page.get_by_label("Your email address").fill("anna@example.org")
    press(page, "Send me a link", "Check your email")


def test_a_study_that_has_ended(
    page: Page, base: str, engine: Engine, service: Service, ben: UUID, known_study: str, clock
):
    with engine.begin() as conn:
        conn.execute(text("""UPDATE studies SET facts = facts || '{"overallStatus": "COMPLETED"}'"""))
    open_(page, f"{base}/manage/{service.manage_links.token(ben, clock())}", "Your email updates")
    press(page, "Follow new studies of: Eye Strain", "Your email updates")
    assert page.locator("[role=status]").text_content().startswith("From now on")


def test_leaving(page: Page, base: str, engine: Engine, service: Service, person: UUID):
    link = f"{base}/u/{service.links.token(person)}"
    target = query(engine, "SELECT id FROM targets WHERE label = :label", label=CONDITION)[0].id
    one = f"{link}/{service.items.token(target)}"
    open_(page, f"{link}/often", "How often do you want emails?")
    press(page, "Save", "Saved")
    open_(page, one, "Stop these emails?")
    press(page, "Stop these emails", "You will not get these emails any more")
    press(page, "Undo", "Your updates are on again")
    open_(page, link, "Stop these emails?")
    press(page, "Stop these emails", "You will not get these emails any more")
    open_(page, link, "You already stopped these emails")
    open_(page, f"{base}/u/{service.links.token(uuid4())}", "These updates have ended")
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscriptions SET ended_reason = 'complaint'"))
    page.goto(one)
    assert page.get_by_role("button").count() == 0


def test_when_something_is_wrong(page: Page, base: str, engine: Engine, service: Service, monkeypatch):
    open_(page, f"{base}/u/cut-off", "This link does not work")
    open_(page, f"{base}/nowhere", "There is no page here")
    for verdict, heading in (
        ("network", "Please wait a minute"),
        ("down", "Something went wrong on our side"),
    ):
        monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_, verdict=verdict: verdict)
        page.goto(f"{base}/manage")
        page.get_by_label("Your email address").fill("anna@example.org")
        press(page, "Send me a link", heading)


def test_dark_is_dark(browser: Browser, base: str):
    colours = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(f"{base}/manage")
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert colours == {"rgb(242, 244, 243)", "rgb(18, 24, 27)"}


def test_on_paper_the_buttons_are_gone_and_the_words_are_black(browser: Browser, base: str):
    page = browser.new_page(color_scheme="dark")
    page.goto(f"{base}/manage")
    page.emulate_media(media="print")
    assert not page.get_by_role("button").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    page.close()
