"""A real browser on a real server, and what every page must keep to."""

import re
import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.resources import files

import pytest
import uvicorn
from playwright.sync_api import Browser, Page, sync_playwright
from starlette.types import ASGIApp

from tests.digests.reading_grade import grade
from tests.waiting import wait_for

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
SCREENS = [(width, scheme) for width in (320, 1280) for scheme in ("light", "dark")]
_SENTENCE = re.compile(r"[^.!?]+[.!?](?=\s|$)")
TARGET_PX = 44  # of everything that is pressed, but for links inside a sentence
_TOO_SMALL = """[...document.querySelectorAll("button, .button, .field, .choice, .step, summary")]
    .filter(node => node.getClientRects().length && node.getBoundingClientRect().height < %d)
    .map(node => node.outerHTML)"""


@contextmanager
def chromium() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        pytest.skip("no Chromium on PATH; on Debian, `apt-get install chromium` brings it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def served(app: ASGIApp) -> Iterator[str]:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        wait_for(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


def check(page: Page, heading: str) -> None:
    """The page is usable, and our words are plain."""
    assert [title.text_content() for title in page.locator("h1").all()] == [heading]
    assert page.title().removeprefix("Error: ").startswith(heading)
    check_usable(page)
    assert grade(_sentences(page) or ["Nothing to say."]) <= 8


def check_usable(page: Page) -> None:
    """axe finds nothing, nothing scrolls sideways, and all targets are large."""
    page.evaluate(AXE)
    found = page.evaluate(
        "options => axe.run(document, options)", {"runOnly": LEVELS, "resultTypes": ["violations"]}
    )
    assert [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(_TOO_SMALL % TARGET_PX) == []


def _sentences(page: Page) -> list[str]:
    """Whole ones, of ours: no labels, and not what the registry or the reader wrote."""
    script = """[...document.querySelectorAll("h1, main p, main .hint")].map(node => {
        const copy = node.cloneNode(true);
        copy.querySelectorAll("[dir=auto]").forEach(theirs => theirs.replaceWith("it"));
        return copy.textContent;
    })"""
    blocks = [block.replace("a•••@example.org", "you") for block in page.evaluate(script)]
    return [part for block in blocks for part in _SENTENCE.findall(block) if len(part.split()) > 2]
