"""The mail on a screen: axe finds nothing, nothing scrolls sideways, all is large enough to read and to tap."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from notifier.digests.content import EditionContent
from notifier.digests.letters import render_letter
from notifier.digests.rendering import render
from notifier.digests.sample_parts import OPENED, changed_item, edition, item_token, new_item, reason
from notifier.digests.samples import LETTERS, SAMPLES
from tests.digests.samples import SETTINGS
from tests.languages.made_up import spoken

pytestmark = pytest.mark.browser

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SHOWN: dict[str, EditionContent] = {
    **{name: SAMPLES[name] for name in ("many-changes", "both", "long")},
    "long-words": edition(
        changed_item(1, OPENED, briefTitle="Pneumonoultramicroscopicsilicovolcanoconiosis" * 4),
        new_item(2, reason("condition", "الربو", 1), briefTitle="دراسة جديدة عن الربو لدى البالغين"),
    ),
    "right-to-left": replace(SAMPLES["both"], locale="ar"),
}
with TemporaryDirectory() as folder, spoken(Path(folder), "ar"):
    MAILS = {
        **{name: render(content, SETTINGS, item_token) for name, content in SHOWN.items()},
        **{name: render_letter(content, SETTINGS) for name, content in LETTERS.items()},
    }
# A mail stands inside the page of a mail program, which has the landmarks.
NOT_FOR_MAIL = {rule: {"enabled": False} for rule in ("region", "landmark-one-main")}
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


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


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[320, 640])
def page(browser: Browser, scheme: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light",
        viewport={"width": request.param, "height": 800},
        offline=True,
    )
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_is_readable_by_anyone(name: str, page: Page):
    page.set_content(MAILS[name].html)
    assert _axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(SMALL_TEXT) == []
    assert page.evaluate(SMALL_TARGETS) == []


def test_the_dark_scheme_is_dark(page: Page, scheme: str):
    page.set_content(MAILS["both"].html)
    ground = page.evaluate("getComputedStyle(document.querySelector('.cell')).backgroundColor")
    assert ground == ("rgb(27, 36, 41)" if scheme == "dark" else "rgb(255, 255, 255)")


def _axe_violations(page: Page) -> list[str]:
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    options = {"runOnly": LEVELS, "rules": NOT_FOR_MAIL, "resultTypes": ["violations"]}
    found = page.evaluate("options => axe.run(document, options)", options)
    return [f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]]


# Text nodes that show in less than 16 px.
SMALL_TEXT = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const small = [];
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !parent.checkVisibility()) continue;
    if (parseFloat(getComputedStyle(parent).fontSize) < 16) small.push(parent.outerHTML.slice(0, 80));
  }
  return small;
}"""
# Links that are neither 24 px high nor part of a sentence or list.
SMALL_TARGETS = """() => [...document.querySelectorAll('a')]
  .filter(link => link.getBoundingClientRect().height < 24 && !link.closest('li')
    && link.parentElement.textContent.trim() === link.textContent.trim())
  .map(link => link.outerHTML.slice(0, 80))"""
