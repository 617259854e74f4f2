"""From the form to the mail to goodbye, as a person does it, with real processes and no script."""

import re
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser

from tests.journeys.records import record
from tests.journeys.stage import Stage, until
from tests.journeys.test_follow_a_study import DAY_1, DAY_2, DAY_3, OPEN, STOPPED, _answers, free_port

ANNA = "anna@example.org"


@dataclass
class Browser:
    """Reads forms and sends them, as a browser without scripts."""

    port: int
    url: str = ""
    page: str = ""
    status: int = 0

    def open(self, url: str, data: bytes | None = None) -> str:
        path = urllib.parse.urlsplit(url)
        self.url = path.path
        where = f"http://127.0.0.1:{self.port}{path.path}" + (f"?{path.query}" if path.query else "")
        try:
            with urllib.request.urlopen(urllib.request.Request(where, data=data), timeout=10) as answer:
                self.page, self.status = answer.read().decode(), answer.status
        except urllib.error.HTTPError as error:
            self.page, self.status = error.read().decode(), error.code
        return self.page

    def press(self, button: str, tick: tuple[str, ...] = (), **typed: str) -> str:
        """Send the form that has this button, as it stands, with what is ticked and typed."""
        form = next((form for form in forms(self.page) if button in form.buttons), None)
        assert form, (
            f"no button {button!r} on {self.heading!r}: {[each.buttons for each in forms(self.page)]}"
        )
        fields = [(name, value) for name, value in form.fields if name not in typed]
        fields += form.buttons[button]
        fields += [(name, form.boxes[name]) for name in tick]
        fields += typed.items()
        return self.open(form.action or self.url, urllib.parse.urlencode(fields).encode())

    @property
    def heading(self) -> str:
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.page, re.DOTALL)
        return re.sub(r"<[^>]+>|\s+", " ", found[1]).strip() if found else ""


class FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.boxes: dict[str, str] = {}
        self.buttons: dict[str, list[tuple[str, str]]] = {}
        self._button: list[tuple[str, str]] | None = None
        self._select = ""
        self._words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        if tag == "input" and given.get("type") in ("hidden", "text", "email", None):
            self.fields.append((given.get("name", ""), given.get("value", "")))
        if tag == "input" and given.get("type") in ("radio", "checkbox"):
            if "checked" in given:
                self.fields.append((given["name"], given["value"]))
            else:
                self.boxes[given["name"]] = given["value"]
        if tag == "select":
            self._select = given["name"]
        if tag == "option" and "selected" in given:
            self.fields.append((self._select, given.get("value", "")))
        if tag == "button":
            self._button = [(given["name"], given.get("value", ""))] if given.get("name") else []
            self._words = ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._button is not None:
            self.buttons[" ".join(self._words.split())] = self._button
            self._button = None


def forms(page: str) -> list[FormReader]:
    found = []
    for html in re.findall(r"<form.*?</form>", page, re.DOTALL):
        reader = FormReader()
        reader.feed(html)
        found.append(reader)
    return found


def link_in(mail: EmailMessage, path: str) -> str:
    body = mail.get_body(("plain",))
    assert body
    found = re.search(rf"https?://\S+{path}\S+", body.get_content())
    assert found, body.get_content()
    return found[0]


def newest(stage: Stage, count: int) -> EmailMessage:
    until(lambda: stage.mail_count() >= count, f"{count} mails")
    return stage.mails()[-1]


def sign_up(stage: Stage, browser: Browser) -> None:
    browser.open("/subscribe?study=NCT90000001")
    assert browser.status == 200
    browser.press("Sign up", tick=("terms", "health"), email=ANNA, frequency="daily")
    assert (browser.status, browser.heading) == (200, "Check your email")
    assert ANNA not in browser.page
    mail = newest(stage, 1)
    assert "List-Unsubscribe" not in mail
    assert "NCT90000001" not in str(mail["Subject"])
    confirm = link_in(mail, "/confirm/")
    for _ in range(2):  # a scanner of links comes first, and changes nothing
        browser.open(confirm)
        assert browser.heading == "Start email updates?"
    browser.press("Yes, start my updates")
    assert browser.heading == "You are all set"
    browser.open(confirm)
    assert browser.heading == "Your updates are already on"


def digest_about(stage: Stage, day: str, **change: str) -> None:
    news = stage.write(f"{day[:10]}.json", record(first_posted="2026-01-05", **change))
    stage.notifier("records", "import", news)
    stage.notifier("digest", "run", "--frequency", "daily", "--at", day, "--wait")


def test_from_the_form_to_the_mail_to_goodbye(stage: Stage) -> None:
    stage.notifier("records", "import", stage.write("v1.json", record(first_posted="2026-01-05")))
    browser = Browser(free_port())
    with stage.worker(), stage.scheduler(), stage.web(browser.port):
        until(lambda: _answers(browser.port), "the web process answers")
        sign_up(stage, browser)
        digest_about(stage, DAY_1, **OPEN)
        digest = newest(stage, 2)
        assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

        browser.open(link_in(digest, "/manage/"))
        assert browser.status == 200
        assert "a•••@example.org" in browser.page
        assert ANNA not in browser.page

        browser.open(link_in(digest, "/u/"))
        browser.press("Stop these emails")
        assert browser.heading == "You will not get these emails any more"
        browser.press("Undo")
        before = stage.mail_count()
        digest_about(stage, DAY_2, **STOPPED)
        until(lambda: stage.mail_count() == before + 1, "the digest after the undo")

        browser.open(link_in(digest, "/u/"))
        browser.press("Stop these emails")
        digest_about(stage, DAY_3, overallStatus="RECRUITING", posted="2026-11-21")
    digests = [mail for mail in stage.mails() if "List-Unsubscribe" in mail]
    assert len(digests) == 2
