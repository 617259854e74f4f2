"""The development page: every mail, made up, in each way that its readers may see it."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from playwright.sync_api import Browser, Page
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.digests import rendering, samples
from notifier.digests.samples import MAILS
from notifier.errors import NotifierError
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.languages.made_up import spoken
from tests.web.browsing import check, served
from tests.web.conftest import heading

DARK_GROUND = "rgb(18, 24, 27)"
ADDRESSES = ("/dev/mails", "/dev/mails/digest-both", "/dev/mails/digest-both/html?scheme=dark")


@pytest.fixture
def app(web_settings: Settings, engine: Engine) -> FastAPI:
    settings = web_settings.model_copy(update={"dev_pages": True, "postal_address": "Our own street 5"})
    return create_app(settings, engine, wake=lambda reason: None)


def test_it_is_not_there_unless_it_is_switched_on(web_settings: Settings, engine: Engine):
    with TestClient(create_app(web_settings, engine, wake=lambda reason: None)) as client:
        assert [client.get(address).status_code for address in ADDRESSES] == [404] * len(ADDRESSES)


def test_the_list_leads_to_every_mail(client: TestClient):
    found = LexborHTMLParser(client.get("/dev/mails").text).css("main li a")
    assert [link.text() for link in found] == list(MAILS)
    for link in found:
        answer = client.get(link.attributes["href"])
        assert heading(answer.text) == link.text()


@pytest.mark.parametrize("name", ["digest-twelve", "letter-confirm"])
def test_a_mail_is_shown_with_all_its_parts(client: TestClient, name: str):
    mail = samples.render_sample(name, client.app.state.service.settings)
    tree = LexborHTMLParser(client.get(f"/dev/mails/{name}").text)
    subject, preview_line, sizes = (node.text() for node in tree.css("dd"))
    assert subject == mail.subject
    assert 40 <= len(preview_line) <= 90
    assert f"HTML {len(mail.html.encode()) / 1000:.1f} KB" in sizes
    text, source = (node.text() for node in tree.css("pre"))
    assert text.strip() == mail.text.strip()
    assert source.strip() == mail.html.strip()
    frames = [(frame.attributes["title"], frame.attributes["width"]) for frame in tree.css("iframe")]
    assert frames == [
        ("Phone, light", "320"),
        ("Phone, dark", "320"),
        ("Desk, light", "640"),
        ("Desk, dark", "640"),
    ]
    assert all("sandbox" in frame.attributes for frame in tree.css("iframe"))


def test_it_shows_the_installation_s_own_settings(client: TestClient):
    assert "Our own street 5" in client.get("/dev/mails/letter-stopped/html").text


def test_without_a_scheme_the_mail_is_as_it_is_sent(client: TestClient):
    mail = samples.render_sample("digest-both", client.app.state.service.settings)
    assert client.get("/dev/mails/digest-both/html").text == mail.html
    assert client.get("/dev/mails/digest-both/html?scheme=pink").text == mail.html


@pytest.mark.parametrize(
    "address", ["/dev/mails/none", "/dev/mails/none/html", "/dev/mails/digest-both/none"]
)
def test_a_mail_that_is_none_is_not_found(client: TestClient, address: str):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("locale", ["xx", "../en", "", "\N{SNOWMAN}", "a" * 5000])
def test_a_language_that_we_do_not_have_is_shown_in_english(client: TestClient, locale: str):
    answer = client.get("/dev/mails/digest-both/html", params={"locale": locale})
    assert (answer.status_code, LexborHTMLParser(answer.text).css_first("html").attributes["lang"]) == (
        200,
        "en",
    )


def test_whoever_breaks_a_template_reads_what_is_wrong(client: TestClient, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise NotifierError("The mail template digest/body.html could not be filled: 'mial' is undefined.")

    monkeypatch.setattr("notifier.web.dev_mails.render_sample", broken)
    for address in ADDRESSES[:2]:
        assert "&#39;mial&#39; is undefined" in client.get(address).text
    assert "is undefined" in client.get(ADDRESSES[2]).text


def test_nothing_in_a_frame_can_run_load_or_leave(client: TestClient):
    policy = client.get(ADDRESSES[2]).headers.get_list("content-security-policy")
    assert len(policy) == 1
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy[0].split(";"))
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "sandbox": "",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
        "base-uri": "'none'",
    }


def test_the_page_itself_runs_nothing_and_frames_nothing_but_ours(client: TestClient):
    for address in ADDRESSES[:2]:
        answer = client.get(address)
        (policy,) = answer.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-src 'self'" in policy
        assert "<script" not in answer.text
        assert answer.headers["x-robots-tag"] == "noindex, nofollow"


def test_an_edited_template_shows_without_a_new_start(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    folder = tmp_path / "email"
    shutil.copytree(rendering.TEMPLATES, folder)
    monkeypatch.setattr(rendering, "TEMPLATES", folder)
    for words in ("Hear, hear", "Lo and behold"):
        (folder / "digest" / "subject.txt").write_text(words)
        style = f"h1 {{ font-size: {20 + len(words)}px; }}"
        (folder / "_base" / "mail.css").write_text(style)
        answer = client.get("/dev/mails/digest-both")
        assert LexborHTMLParser(answer.text).css_first("dd").text() == words
        assert style.removeprefix("h1 { ").removesuffix(" }") in answer.text
    rendering.forget()


def test_a_new_language_is_offered(client: TestClient, tmp_path: Path):
    with spoken(tmp_path, "ar"):
        links = LexborHTMLParser(client.get("/dev/mails").text).css("a[lang]")
        assert [link.attributes["lang"] for link in links] == ["en", "ar"]
        html = LexborHTMLParser(client.get("/dev/mails/digest-both/html?locale=ar").text).css_first("html")
    assert (html.attributes["lang"], html.attributes["dir"]) == ("ar", "rtl")


@pytest.fixture(params=[(320, "light"), (1500, "dark")])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, scheme = request.param
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    yield page
    assert complaints == []
    context.close()


@pytest.mark.browser
def test_in_a_browser_each_frame_has_its_width_and_its_colours(app: FastAPI, page: Page):
    with served(app) as base:
        page.goto(f"{base}/dev/mails")
        check(page, "Every mail there is")
        page.goto(f"{base}/dev/mails/digest-both")
        check(page, "digest-both")
        seen = {}
        for frame in page.locator("iframe").all():
            title = frame.get_attribute("title")
            inner = frame.element_handle().content_frame()
            ground = inner.evaluate("getComputedStyle(document.body).backgroundColor")
            seen[title] = ground == DARK_GROUND
            assert re.search(r"5 updates", inner.locator("h1").inner_text())
        assert seen == {
            "Phone, light": False,
            "Phone, dark": True,
            "Desk, light": False,
            "Desk, dark": True,
        }
