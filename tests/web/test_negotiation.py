"""In which language somebody reads a page, and gets their mails then."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.web.service import Service
from tests.languages.made_up import dropped, found_in, spoken
from tests.web.conftest import ANNA, CONDITION, Clock, errors, fields, heading, query, shown
from tests.web.test_sign_up import agreed

GERMAN = """
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

msgid "I agree to the %(link)s."
msgstr "Ich stimme den %(link)s zu."

msgid "terms of use"
msgstr "Nutzungsbedingungen"

msgid "Your email updates"
msgstr "Ihre Nachrichten"
"""


@pytest.fixture(autouse=True)
def several(tmp_path: Path) -> Iterator[None]:
    """English, Arabic, German, Brazilian Portuguese, and Chinese in traditional letters."""
    for locale in ("ar", "pt_BR", "zh_Hant"):
        with spoken(tmp_path, locale):
            pass
    with found_in(dropped(tmp_path, "de", GERMAN)):
        yield


def language(client: TestClient, address: str, prefers: str = "") -> str:
    answer = client.get(address, headers={"accept-language": prefers})
    html = LexborHTMLParser(answer.text).css_first("html").attributes
    assert html["dir"] == ("rtl" if html["lang"] == "ar" else "ltr")
    assert answer.headers["content-language"] == html["lang"]
    return html["lang"] or ""


@pytest.mark.parametrize(
    ("prefers", "found"),
    [
        ("", "en"),
        ("de", "de"),
        ("DE-at, en;q=0.5", "de"),
        ("fr, de;q=0.3, ar;q=0.8", "ar"),
        ("en-GB, de;q=0.9", "en"),
        ("de;q=0, ar;q=0.1", "ar"),
        ("pt, fr", "en"),
        ("pt-BR", "pt-BR"),
        ("zh-TW", "zh-Hant"),
        ("zh-CN, de;q=0.1", "de"),
        ("*", "en"),
        ("de;q=nonsense", "en"),
        ("../../etc, de", "de"),
        (", ;q=1,,\t", "en"),
        (f"{'x' * 9000}, de", "de"),
        (f"{'fr,' * 5000}de", "en"),
    ],
)
def test_a_page_is_in_the_language_that_the_browser_prefers(client: TestClient, prefers: str, found: str):
    assert language(client, "/subscribe", prefers) == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [("ar", "ar"), ("en", "en"), ("de-CH", "de"), ("xx", "de"), ("", "de"), ("a" * 5000, "de"), ("\0", "de")],
)
def test_what_a_link_asks_for_comes_before_the_browser(client: TestClient, asked: str, found: str):
    answer = client.get("/subscribe", params={"lang": asked}, headers={"accept-language": "de"})
    assert answer.headers["content-language"] == found
    assert ("vary" in answer.headers) == (asked in ("xx", "", "a" * 5000, "\0"))


def test_a_person_reads_their_own_language_on_the_pages_of_their_links(
    client: TestClient, engine: Engine, service: Service, clock: Clock, anna: UUID
):
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscribers SET locale = 'de'"))
    target = query(engine, "SELECT id FROM targets WHERE label = :label", label=CONDITION)[0].id
    stop, now = f"/u/{service.links.token(anna)}", clock()
    own, old = (service.manage_links.token(anna, moment) for moment in (now, now - timedelta(days=31)))
    for address in (
        *(stop, f"{stop}/often", f"{stop}/{service.items.token(target)}"),
        *(f"/manage/{own}", f"/manage/{own}?ask=stop", f"/manage/{old}"),
    ):
        assert language(client, address, "ar") == "de", address
    assert "vary" not in client.get(stop).headers
    assert language(client, f"{stop}?lang=ar", "en") == "ar"
    for pressed in ({"stop": "all"}, {"stop": "all"}):
        answer = client.post(stop, data=pressed)
        assert answer.headers["content-language"] == "de"
    assert language(client, "/manage", "ar") == "ar"


def test_a_link_to_another_page_leads_on_in_the_same_language(client: TestClient):
    html = client.get("/manage?lang=ar").text
    assert LexborHTMLParser(html).css_first("form").attributes["action"] == "/manage?lang=ar"
    assert client.get("/subscribe/embed?condition=Asthma&lang=de").text.count("/subscribe/embed?lang=de") == 1


def test_each_page_leads_to_itself_in_the_other_languages(client: TestClient):
    def offered(html: str) -> dict[str, str]:
        found = LexborHTMLParser(html).css("footer [hreflang]")
        return {one.text(): one.attributes["href"] or "" for one in found}

    html = client.get("/subscribe?condition=A%26B+%22C%22&lang=ar").text
    assert list(offered(html)) == ["English", "Deutsch", "português (Brasil)", "中文 (繁體)"]
    german = client.get(f"/subscribe{offered(html)['Deutsch']}")
    assert german.headers["content-language"] == "de"
    assert fields(german.text)["condition"] == ['A&B "C"']
    assert offered(client.post("/subscribe", data={"condition": "Asthma"}).text) == {}
    assert offered(client.get("/subscribe/embed?condition=Asthma").text) == {}


def test_whoever_signs_up_gets_mails_in_the_language_of_the_words_they_agreed_to(
    client: TestClient, engine: Engine, service: Service, clock: Clock
):
    form = agreed(client, "/subscribe/embed?condition=Asthma&lang=de")
    assert form["lang"] == ["de"]
    answer = client.post("/subscribe/embed", data=form, headers={"accept-language": "ar"})
    assert answer.headers["content-language"] == "de"
    kept = query(engine, "SELECT locale, terms_version, terms_hash, public_id FROM sign_ups")[0]
    assert (kept.locale, form["terms"]) == ("de", [kept.terms_version])
    words = "Ich stimme den Nutzungsbedingungen (https://example.org/terms) zu."
    assert kept.terms_hash == sha256(words.encode()).digest()
    confirm = f"/confirm/{service.confirm_links.token(kept.public_id, clock())}"
    assert language(client, confirm, "ar") == "de"
    client.post(confirm, data={"do": "confirm"})
    assert query(engine, "SELECT locale FROM subscribers")[0].locale == "de"


def test_the_agreement_leads_to_its_page_in_every_language(client: TestClient):
    for locale, said in (
        ("de", "Ich stimme den Nutzungsbedingungen (opens a new tab) zu."),
        ("ar", "⟦I agree to the ⟦⟦terms of use⟧ (opens a new tab)⟧.⟧"),
    ):
        html = client.get(f"/subscribe?condition=Asthma&lang={locale}").text
        link = LexborHTMLParser(html).css_first("label a[href='https://example.org/terms']")
        assert said in " ".join(link.parent.text().split())


def test_words_that_were_translated_anew_since_the_form_was_shown_must_be_read_again(
    client: TestClient, engine: Engine, tmp_path: Path
):
    form = agreed(client, "/subscribe?condition=Asthma&lang=de")
    english = agreed(client, "/subscribe?condition=Asthma&lang=en")
    assert form["terms"] != english["terms"]
    assert form["health"] == english["health"]  # which German lacks, so that it is shown in English
    with found_in(dropped(tmp_path / "other", "de", GERMAN.replace("stimme", "stimme gern"))):
        answer = client.post("/subscribe", data=form)
        assert list(errors(answer.text)) == ["terms"]
        assert "gern" in shown(answer.text)
    assert query(engine, "SELECT 1 FROM sign_ups") == []


def test_a_translation_that_lost_its_link_is_not_what_people_agree_to(client: TestClient, tmp_path: Path):
    lost = GERMAN.replace("Ich stimme den %(link)s zu.", "Ich stimme zu.")
    with found_in(dropped(tmp_path / "other", "de", lost)):
        html = client.get("/subscribe?condition=Asthma&lang=de").text
    assert "I agree to the terms of use" in shown(html)


def test_a_site_s_own_form_asks_for_its_language_and_gets_the_words_in_it(client: TestClient, engine: Engine):
    choices = client.get("/v1/subscriptions/choices?locale=de-AT").json()
    assert (choices["locale"], choices["terms"]["text"]) == (
        "de",
        "Ich stimme den Nutzungsbedingungen zu.",
    )
    form = {"email": ANNA, "conditions": ["Asthma"], "locale": "de-AT"}
    form |= {"terms": choices["terms"]["version"], "health_data": choices["health_data"]["version"]}
    assert client.post("/v1/subscriptions", json=form).status_code == 202
    assert query(engine, "SELECT locale FROM sign_ups")[0].locale == "de"
    shown_once_more = client.post("/subscribe", data={"condition": "Asthma", "lang": "ar", "email": ANNA})
    assert shown_once_more.headers["content-language"] == "ar"
    assert fields(shown_once_more.text)["lang"] == ["ar"]


def test_reasons_of_the_api_stay_english(client: TestClient):
    answer = client.post(
        "/v1/subscriptions", json={"email": "x", "terms": "", "health_data": "", "locale": "ar"}
    )
    assert answer.json()["error"] == "Your email address has no @"


def test_somebody_chooses_another_language_and_reads_it_at_once(
    client: TestClient, engine: Engine, service: Service, clock: Clock, anna: UUID
):
    own = f"/manage/{service.manage_links.token(anna, clock())}"
    offered = LexborHTMLParser(client.get(own).text).css("#lang option")
    assert [(one.attributes["value"], one.text()) for one in offered] == [
        ("en", "English"),
        ("ar", "العربية"),
        ("de", "Deutsch"),
        ("pt-BR", "português (Brasil)"),
        ("zh-Hant", "中文 (繁體)"),
    ]
    assert fields(client.get(own).text, "form:has(#lang)") == {"do": ["language"], "lang": ["en"]}
    answer = client.post(f"{own}?lang=ar", data={"do": "language", "lang": "de"})
    assert (heading(answer.text), answer.headers["content-language"]) == ("Ihre Nachrichten", "de")
    assert "Deutsch" in shown(answer.text)
    assert language(client, own) == "de"
    assert query(engine, "SELECT action, via FROM subscription_changes") == [("language", "manage")]
    for wrong in ("xx", ""):
        client.post(own, data={"do": "language", "lang": wrong})
    assert query(engine, "SELECT locale FROM subscribers") == [("de",)]


def test_where_there_is_one_language_there_is_nothing_to_choose(
    client: TestClient, service: Service, clock: Clock, anna: UUID, tmp_path: Path
):
    with found_in(tmp_path / "none"):
        own = client.get(f"/manage/{service.manage_links.token(anna, clock())}")
        assert "Language" not in shown(own.text)
        assert "vary" not in client.get("/subscribe", headers={"accept-language": "de"}).headers
        assert "lang=" not in client.get("/manage").text.replace('html lang="en"', "")


def test_one_click_asks_for_no_language(client: TestClient, path: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("notifier.web.negotiation.language_for", None)
    monkeypatch.setattr("notifier.web.pages.language_for", None)
    answer = client.post(path, data={"List-Unsubscribe": "One-Click"}, headers={"accept-language": "de"})
    assert (answer.status_code, answer.text) == (200, "You are unsubscribed.\n")
