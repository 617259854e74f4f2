"""The pages in a real browser: axe finds nothing, nothing scrolls sideways, and the way out needs no script."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from uuid import UUID, uuid4

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from sqlalchemy import Engine, text

from notifier.links.tokens import UnsubscribeLinks
from tests.digests.reading_grade import grade
from tests.waiting import wait_for
from tests.web.conftest import state

pytestmark = pytest.mark.browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ASK, DONE, AGAIN = (
    "Stop these emails?",
    "You will not get these emails any more",
    "You already stopped these emails",
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on PATH; on Debian, `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def base(app: FastAPI) -> Iterator[str]:
    """The application behind a real server."""
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)


@pytest.fixture
def person(base: str, links: UnsubscribeLinks, anna: UUID) -> str:
    return f"{base}/u/{links.token(anna)}"


@pytest.fixture
def no_script(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(java_script_enabled=False, viewport={"width": 320, "height": 640})
    yield context
    context.close()


def test_the_way_out_is_one_button_by_keyboard_alone_without_script(no_script, engine: Engine, person: str):
    page = no_script.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    assert page.goto(person).status == 200
    assert page.locator("h1").text_content() == ASK
    assert state(engine) == ("active", 1)
    page.keyboard.press("Tab")
    assert page.locator(":focus").text_content() == "Stop these emails"
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.locator("h1").text_content() == DONE
    assert page.locator(":focus").text_content() == DONE  # so that a screen reader says it first
    assert state(engine) == ("stopped", 0)
    page.goto(person)
    assert page.locator("h1").text_content() == AGAIN
    assert no_script.cookies() == []
    home = person.partition("/u/")[0]
    assert asked
    assert all(url.startswith(home) for url in asked)


def test_every_state_is_readable_by_anyone_on_any_screen(
    browser: Browser, base, person, links, engine: Engine
):
    stranger = f"{base}/u/{links.token(uuid4())}"
    for width in (320, 1280):
        for scheme in ("light", "dark"):
            context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 640})
            page = context.new_page()
            complaints: list[str] = []
            page.on("console", lambda message, found=complaints: found.append(message.text))
            for address, heading in (
                (person, ASK),
                (stranger, AGAIN),
                (f"{base}/u/cut-off", "This link does not work"),
            ):
                page.goto(address)
                _check(page, heading)
            page.goto(f"{base}/nowhere")
            _check(page, "There is no page here")
            page.goto(person)
            page.get_by_role("button").click()
            _check(page, DONE)
            with engine.begin() as conn:  # back to the start for the next screen
                conn.execute(text("ALTER TABLE subscribers RENAME TO elsewhere"))
            page.goto(person)
            _check(page, "Something went wrong on our side")
            with engine.begin() as conn:
                conn.execute(text("ALTER TABLE elsewhere RENAME TO subscribers"))
                conn.execute(text("UPDATE subscribers SET state = 'active'"))
            assert [line for line in complaints if "Content Security Policy" in line] == []
            context.close()


def test_the_button_is_easy_to_hit_and_shows_its_focus(browser: Browser, person: str):
    page = browser.new_page(viewport={"width": 320, "height": 640})
    page.goto(person)
    button = page.get_by_role("button")
    assert button.bounding_box()["height"] >= 44
    page.keyboard.press("Tab")
    assert button.evaluate("button => getComputedStyle(button).outlineWidth") == "3px"
    page.close()


def test_dark_is_dark(browser: Browser, person: str):
    colours = set()
    for scheme in ("light", "dark"):
        page = browser.new_page(color_scheme=scheme)
        page.goto(person)
        colours.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.close()
    assert colours == {"rgb(255, 255, 255)", "rgb(22, 25, 29)"}


def _check(page: Page, heading: str) -> None:
    assert [title.text_content() for title in page.locator("h1").all()] == [heading]
    assert page.title().startswith(heading)
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = page.evaluate(
        "options => axe.run(document, options)", {"runOnly": LEVELS, "resultTypes": ["violations"]}
    )
    assert [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    sentences = [
        part
        for block in page.locator("h1, main p").all()
        for part in block.text_content().replace("a•••@example.org", "you").split(".")
        if part.strip()
    ]
    assert grade(sentences) <= 8
