"""The mail on a screen: axe finds nothing, nothing scrolls sideways, all is large enough to read and to tap."""

from collections.abc import Iterator
from functools import cache
from itertools import product

import pytest
from playwright.sync_api import Browser, Page

from notifier.digests.rendering import render
from notifier.digests.sample_parts import OPENED, changed_item, edition, item_token, new_item, reason
from notifier.digests.samples import MAILS, render_sample
from tests.digests.samples import SETTINGS
from tests.languages.made_up import spoken
from tests.web.browsing import AXE, LEVELS, chromium

pytestmark = pytest.mark.browser

SCREENS = list(product((320, 640), ("light", "dark")))
LONG_WORDS = edition(
    changed_item(1, OPENED, briefTitle="Pneumonoultramicroscopicsilicovolcanoconiosis" * 4),
    new_item(2, reason("condition", "الربو", 1), briefTitle="دراسة جديدة عن الربو لدى البالغين"),
)
NAMES = (*MAILS, "long-words")
# A mail stands inside the page of a mail program, which has the landmarks.
NOT_FOR_MAIL = {rule: {"enabled": False} for rule in ("region", "landmark-one-main")}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module", params=SCREENS, ids=lambda screen: f"{screen[0]}-{screen[1]}")
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
    yield context.new_page()
    context.close()


@cache
def html_of(name: str) -> str:
    mail = render_sample(name, SETTINGS) if name in MAILS else render(LONG_WORDS, SETTINGS, item_token)
    return mail.html


def show(page: Page, html: str) -> None:
    """Nothing is loaded, so nothing is waited for."""
    page.set_content(html, wait_until="commit")


def check(page: Page) -> None:
    assert axe_violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(SMALL_TEXT) == []
    assert page.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_readable_by_anyone(name: str, page: Page):
    show(page, html_of(name))
    check(page)


@pytest.mark.parametrize("name", NAMES)
def test_a_mail_is_readable_with_text_twice_as_large(name: str, page: Page):
    """WCAG 1.4.4, as mail programs do it: the text grows, the screen does not."""
    show(page, html_of(name))
    page.evaluate(TEXT_TWICE_AS_LARGE)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
    assert page.evaluate(CUT_OFF) == []


def test_the_scheme_of_the_screen_is_the_mail_s(page: Page):
    show(page, html_of("digest-both"))
    ground = page.evaluate("getComputedStyle(document.querySelector('.cell')).backgroundColor")
    dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert ground == ("rgb(27, 36, 41)" if dark else "rgb(255, 255, 255)")


@pytest.fixture(scope="module")
def from_right_to_left(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Every digest and letter in a language that is written from right to left."""
    with spoken(tmp_path_factory.mktemp("languages"), "ar", lambda text: f"{text} مرحبا"):
        return {name: render_sample(name, SETTINGS, "ar").html for name in MAILS}


@pytest.mark.parametrize(
    "name",
    ["digest-twelve", "digest-both", "digest-long", "digest-ended", "letter-confirm", "letter-stopped"],
)
def test_a_mail_from_right_to_left_is_as_readable(name: str, page: Page, from_right_to_left: dict[str, str]):
    show(page, from_right_to_left[name])
    check(page)
    for what in ("h1", "p:not([dir])", "a"):
        assert page.evaluate(STARTS_AT_THE_RIGHT, what), what
    page.evaluate(TEXT_TWICE_AS_LARGE)
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


def axe_violations(page: Page) -> list[str]:
    page.evaluate(AXE)
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
TEXT_TWICE_AS_LARGE = """() => {
  const sizes = [...document.body.querySelectorAll('*')].map(
    node => [node, 2 * parseFloat(getComputedStyle(node).fontSize)]);
  for (const [node, size] of sizes) node.style.setProperty('font-size', `${size}px`, 'important');
}"""
# What is drawn over the edge of its box, where it is hidden or beside the screen.
CUT_OFF = """() => [...document.body.querySelectorAll('*')]
  .filter(node => node.checkVisibility() && node.getClientRects().length
    && (node.getBoundingClientRect().right > innerWidth + 1 || node.getBoundingClientRect().left < -1
        || (getComputedStyle(node).overflow !== 'visible' && node.scrollHeight > node.clientHeight + 1)))
  .map(node => node.outerHTML.slice(0, 80))"""
STARTS_AT_THE_RIGHT = """selector => [...document.querySelectorAll(selector)]
  .filter(node => node.checkVisibility() && !node.closest('[dir=auto]'))
  .every(node => getComputedStyle(node).direction === 'rtl'
    && ['start', 'right'].includes(getComputedStyle(node).textAlign))"""
