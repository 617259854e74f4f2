"""Pages in a language of which there is nothing but a file: every word of ours on every page, in every state."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from httpx import Response
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.languages.catalogue import language_of
from notifier.links.addresses import BadAddress, clean_address
from notifier.web import pages
from notifier.web.service import Service
from notifier.web.styles import TEMPLATES
from notifier.web.words import WORDS, address_reason
from tests.languages.made_up import found_in, in_other_letters, spoken
from tests.web.conftest import ANNA, Clock, fields, public_id_of, query
from tests.web.test_manage import which
from tests.web.test_manage_after_the_end import comes_to
from tests.web.test_sign_up import agreed
from tests.world import NOON, World, condition

ARABIC = {"accept-language": "ar"}
NO_PAGES = {"base.html", "result.html"}
_OF_OTHERS = "style, [dir=auto], a[href^=mailto], #zone option, #lang option, [hreflang]"
_NO_WORDS = re.compile(r"NCT\d+|\S+@\S+|- Study updates$", re.MULTILINE)
BAD_ADDRESSES = [
    *("", "anna", "anna@", "an na@example.org", "a@b@example.org", "anna@localhost", '"a"@example.org'),
    "ä@example.org",
    *("a\u200b@example.org", f"{'a' * 65}@example.org", f"a@{'b.' * 150}org", "a@example..org", f"a@{'ä' * 60}.org"),
]  # fmt: skip


@pytest.fixture(scope="module")
def _file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("locales")
    with spoken(folder, "ar", in_other_letters):
        return folder


@pytest.fixture
def arabic(_file: Path) -> Iterator[None]:
    with found_in(_file):
        yield


@pytest.fixture
def reader(arabic: None, app: FastAPI) -> Iterator[TestClient]:
    """Somebody whose browser prefers Arabic; every page that they get is looked at."""
    with TestClient(app, follow_redirects=False, headers=ARABIC) as client:
        client.event_hooks["response"].append(look)
        yield client


def look(answer: Response) -> None:
    answer.read()
    if answer.headers["content-type"].startswith("text/html"):
        html = LexborHTMLParser(answer.text).css_first("html").attributes
        assert (html["lang"], html["dir"], answer.headers["content-language"]) == ("ar", "rtl", "ar")
        assert words_left(answer.text) == [], answer.request.url


def words_left(html: str) -> list[str]:
    """Words in Latin letters that others did not write."""
    page = LexborHTMLParser(html)
    for node in page.css(_OF_OTHERS):
        node.decompose()
    spoken = [node.text(separator=" ") for node in page.css("title, body")]
    spoken += [node.attributes.get(name) or "" for node in page.css("*") for name in ("title", "aria-label")]
    return re.findall("[A-Za-z]+", _NO_WORDS.sub(" ", "\n".join(spoken)))


def test_no_page_says_a_word_in_english(
    reader: TestClient,
    engine: Engine,
    service: Service,
    clock: Clock,
    ben: UUID,
    known_study: str,
    monkeypatch,
):
    asking(reader)
    signing_up(reader, engine, service, clock)
    managing(reader, engine, service, clock, ben)
    leaving(reader, engine, service, ben)
    failing(reader, service, monkeypatch)
    ending(reader, engine, service, clock, ben)
    seen = {name for _, name in pages._templates(language_of("ar")).cache}
    ours = {path.name for path in TEMPLATES.glob("*.html") if not path.name.startswith(("_", "dev_"))}
    assert ours - NO_PAGES - seen == set()


def asking(reader: TestClient) -> None:
    """The form, and all that may be wrong with it."""
    reader.get("/subscribe")
    for wrong in (
        {"study": "x"},
        {"condition": ["me@example.org", "?!", "x" * 101]},
        {"condition": [f"Condition {number}" for number in range(21)]},
        {"condition": "Asthma"},
    ):
        reader.post("/subscribe", data=wrong)
    reader.get("/subscribe?study=NCT09999999")
    whole = agreed(reader, "/subscribe/embed?condition=Asthma")
    for wrong in (
        {"terms": "", "health": "", "condition": ""},
        {"terms": "old", "health": "old"},
        *({"email": address} for address in BAD_ADDRESSES),
    ):
        assert reader.post("/subscribe", data={**whole, **wrong}).status_code == 422


def signing_up(reader: TestClient, engine: Engine, service: Service, clock: Clock) -> None:
    form = agreed(reader, "/subscribe?study=NCT01234567&condition=Dry+Eye")
    clock.forward(days=2)
    reader.post("/subscribe", data=form)
    sent = reader.post("/subscribe", data=agreed(reader, "/subscribe?study=NCT01234567&condition=Dry+Eye"))
    reader.post("/subscribe/again", data=fields(sent.text))
    signed_up = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    reader.get(f"/confirm/{service.confirm_links.token(signed_up, clock() - timedelta(days=8))}")
    reader.get(f"/confirm/{service.confirm_links.token(uuid4(), clock())}")
    link = f"/confirm/{service.confirm_links.token(signed_up, clock())}"
    for pressed in ("", "confirm", "confirm"):
        reader.post(link, data={"do": pressed})
    for change in (
        "UPDATE subscribers SET state = 'stopped' WHERE email = 'anna@example.org'",
        "UPDATE sign_ups SET confirmed_at = NULL, subscriber_id = NULL, refused_at = now()",
    ):
        with engine.begin() as conn:
            conn.execute(text(change))
        reader.get(link)


def managing(reader: TestClient, engine: Engine, service: Service, clock: Clock, ben: UUID) -> None:
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscribers SET locale = 'ar'"))
    own = f"/manage/{service.manage_links.token(ben, clock())}"
    comes_to(reader, "COMPLETED", "Eye Strain")
    press_all_buttons(
        reader, own, {"which": which(engine, "asthma")}, {"which": which(engine, "NCT01234567")}
    )
    for reason in ("bounced", "operator"):
        with engine.begin() as conn:
            conn.execute(
                text("INSERT INTO suppressions SELECT email_key, :reason, NULL, now() FROM subscribers"),
                {"reason": reason},
            )
        reader.get(own)
        reader.post(own, data={"do": "try_again"})
        with engine.begin() as conn:
            conn.execute(text("DELETE FROM suppressions"))
    for ask in ("stop", "delete"):
        reader.get(f"{own}?ask={ask}")
    for pressed in ("stop_all", "pause", "undo_all"):
        reader.post(own, data={"do": pressed})
    reader.get(f"/manage/{service.manage_links.token(ben, NOON - timedelta(days=31))}")
    form = fields(reader.get("/manage").text)
    for email in ("", "anna at example.org", ANNA):
        reader.post("/manage", data={**form, "email": email})
    reader.post("/manage", data={"email": ANNA})


def press_all_buttons(reader: TestClient, own: str, asthma: dict[str, str], study: dict[str, str]) -> None:
    for pressed in (
        {"do": "often", "frequency": "immediate"},
        {"do": "often", "frequency": "daily"},
        {"do": "often"},
        {"do": "reach", "reach": "3", **asthma},
        {"do": "reach", "reach": "5", **asthma},
        {"do": "titles", "titles": "on"},
        {"do": "titles"},
        {"do": "language", "lang": "ar"},
        {"do": "pause"},
        {"do": "pause", "months": "3"},
        {"do": "resume"},
        {"do": "follow", "condition": "Eye Strain", **study},
        {"do": "stop_one", **asthma},
        {"do": "undo_one", **asthma},
        {"do": "undo_all"},
    ):
        reader.post(own, data=pressed)


def leaving(reader: TestClient, engine: Engine, service: Service, ben: UUID) -> None:
    link = f"/u/{service.links.token(ben)}"
    for frequency in ("", "weekly", "pause"):
        reader.post(f"{link}/often", data={"frequency": frequency})
    targets = query(engine, "SELECT id FROM targets WHERE key IN ('asthma', 'NCT01234567')")
    for path in [link, *(f"{link}/{service.items.token(one.id)}" for one in targets)]:
        reader.get(path)
        done = reader.post(path, data={"stop": "all"})
        reader.post(path, data={"stop": "all"})
        reader.get(path)
        reader.post(path, data=fields(done.text))
    done = reader.post(link, data={"stop": "all"})
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscriptions SET ended_reason = 'complaint'"))
    reader.post(link, data=fields(done.text))
    reader.get(f"/u/{service.links.token(uuid4())}")
    reader.get("/u/cut-off")


def test_the_answer_to_one_click_has_the_language_of_the_mail_whoever_posts_it(
    arabic: None, client: TestClient, engine: Engine, service: Service, world: World
):
    """Mail providers post it, with no wish for a language; mail programs may post it, and show the answer."""
    zara = public_id_of(engine, world.person("zara", condition("Asthma"), locale="ar"))
    anna = public_id_of(engine, world.person("anna", condition("Asthma")))
    for person, locale in ((zara, "ar"), (zara, "ar"), (anna, "en"), (uuid4(), "en")):
        answer = client.post(f"/u/{service.links.token(person)}", data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.headers["content-language"]) == (200, locale)
        said = "You are unsubscribed."
        assert answer.text == f"{in_other_letters(said) if locale == 'ar' else said}\n"


def failing(reader: TestClient, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.get("/nowhere")
    reader.post("/subscribe", content=b"x" * 100_000)
    for verdict in ("network", "down"):
        monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_, verdict=verdict: verdict)
        reader.post("/manage", data={**fields(reader.get("/manage").text), "email": ANNA})


def ending(reader: TestClient, engine: Engine, service: Service, clock: Clock, ben: UUID) -> None:
    own = f"/manage/{service.manage_links.token(ben, clock())}"
    reader.get(own)
    reader.post(own, data={"do": "delete"})


def test_every_reason_to_refuse_an_address_is_in_the_list_for_translators():
    said = set()
    for address in BAD_ADDRESSES:
        with pytest.raises(BadAddress) as bad:
            clean_address(address)
        said.add(str(address_reason(bad.value)))
    assert said == set(WORDS["addresses"]["reasons"])
