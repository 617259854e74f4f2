import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.web.service import Service
from tests.web.conftest import ANNA, CONDITION, STUDY, Clock, errors, fields, heading, letters, query
from tests.world import NOON

CHECK = "Check your email"
FORM = "Get email updates"
FILLED_IN = {"email": [ANNA], "frequency": ["daily"]}


@pytest.fixture
def filled_in(client: TestClient, known_study: str) -> dict[str, list[str]]:
    """The form for a study and a condition of it, as somebody sends it who agrees."""
    return agreed(client, f"/subscribe?study={known_study}&condition=Dry+Eye")


def agreed(client: TestClient, address: str) -> dict[str, list[str]]:
    html = client.get(address).text
    page = LexborHTMLParser(html)
    versions = {name: [page.css_first(f"#{name}").attributes["value"]] for name in ("terms", "health")}
    return {**fields(html), **versions, **FILLED_IN}


def labels(html: str, name: str) -> dict[str, bool]:
    """{words beside a box: ticked}"""
    boxes = LexborHTMLParser(html).css(f"input[name={name}]")
    return {" ".join(box.parent.text().split()): "checked" in box.attributes for box in boxes}


def test_the_form_offers_the_study_and_its_conditions_by_readable_names(client: TestClient, known_study: str):
    html = client.get(f"/subscribe?study={known_study}&condition=dry+eyes").text
    assert heading(html) == FORM
    assert labels(html, "study") == {f"Changes to this study Tea for Tired Eyes ({STUDY})": True}
    assert labels(html, "condition") == {"New studies for Dry Eye": True, "New studies for Eye Strain": False}
    assert labels(html, "terms") == {"I agree to the terms of use (opens a new tab).": False}
    assert list(labels(html, "health").values()) == [False]
    assert "Use an address that only you read. The subject line will not name your condition." in html


def test_a_condition_alone_is_enough_and_is_kept_as_it_was_given(client: TestClient):
    html = client.get("/subscribe", params={"condition": [CONDITION, "Ásthma <b>"]}).text
    assert labels(html, "condition") == {
        f"New studies for {CONDITION}": True,
        "New studies for Ásthma <b>": True,
    }
    assert labels(html, "study") == {}


def test_a_study_that_is_not_known_yet_can_be_followed_once_its_number_is_checked(client: TestClient):
    html = client.get("/subscribe?study=nct09999999").text
    assert labels(html, "study") == {"Changes to this study Study (NCT09999999)": True}
    assert "We do not have this study yet" in html


def test_without_a_wish_the_page_asks_what_it_is_about_and_goes_on_from_there(client: TestClient):
    answer = client.get("/subscribe")
    assert (answer.status_code, heading(answer.text)) == (200, FORM)
    assert fields(answer.text) == {"study": [""], "condition": [""]}
    further = client.post("/subscribe", data={"study": "", "condition": "Asthma"})
    assert labels(further.text, "condition") == {"New studies for Asthma": True}
    assert "condition=" not in str(further.url)


def test_a_study_number_that_cannot_be_is_named_and_nothing_breaks(client: TestClient):
    for study in ("NCT12", "x" * 3000, "\0", "' OR 1=1 --"):
        answer = client.get("/subscribe", params={"study": study})
        expected = {} if study == "\0" else {"study": "A study number looks like NCT01234567"}
        assert (answer.status_code, errors(answer.text)) == (422 if expected else 200, expected)


def test_a_full_form_sends_one_letter_and_says_where_to(client, engine: Engine, wakes, filled_in):
    wakes.clear()
    answer = client.post("/subscribe", data=filled_in)
    assert (answer.status_code, heading(answer.text)) == (200, CHECK)
    assert "a•••@example.org" in answer.text
    assert ANNA not in answer.text
    assert (letters(engine), wakes) == (["confirm"], ["letter"])
    [row] = query(engine, "SELECT email, frequency, source, zone, subscriber_id FROM sign_ups")
    assert tuple(row) == (ANNA, "daily", "page", "UTC", None)
    wished = query(engine, "SELECT t.key FROM sign_up_targets JOIN targets t ON t.id = target_id ORDER BY 1")
    assert [row.key for row in wished] == [STUDY, "dry,eye"]


def test_each_thing_that_is_missing_is_named_beside_its_field_and_what_was_typed_stays(
    client: TestClient, engine: Engine, filled_in
):
    wrong = {**filled_in, "email": ["anna at example.org"], "terms": [], "health": ["an old version"]}
    answer = client.post("/subscribe", data=wrong)
    assert answer.status_code == 422
    assert list(errors(answer.text)) == ["email", "terms", "health"]
    page = LexborHTMLParser(answer.text)
    assert page.css_first("title").text().startswith(f"Error: {FORM}")
    assert page.css_first("#email").attributes["value"] == "anna at example.org"
    assert page.css_first("#email").attributes["aria-describedby"] == "email-hint email-error"
    again = fields(answer.text)
    assert (again["study"], again["condition"], again["frequency"]) == ([STUDY], ["Dry Eye"], ["daily"])
    assert letters(engine) == []


def test_somebody_who_unticks_everything_is_asked_to_choose_and_can_still_choose(client, filled_in):
    answer = client.post("/subscribe", data={**filled_in, "study": [], "condition": []})
    assert list(errors(answer.text)) == ["wishes"]
    assert labels(answer.text, "condition") == {
        "New studies for Dry Eye": False,
        "New studies for Eye Strain": False,
    }
    alone = agreed(client, "/subscribe?condition=Asthma")
    answer = client.post("/subscribe", data={**alone, "condition": []})
    assert labels(answer.text, "condition") == {"New studies for Asthma": False}


def test_a_plain_form_on_the_sites_own_page_shows_the_hosted_form_filled_in(client, engine, known_study):
    answer = client.post("/subscribe", data={"study": STUDY, "condition": "Dry Eye", "email": ANNA})
    assert (answer.status_code, heading(answer.text), errors(answer.text)) == (200, FORM, {})
    assert "Please check this, fill in what is missing, and send it." in answer.text
    assert fields(answer.text)["email"] == [ANNA]
    assert letters(engine) == []


def test_a_page_that_was_open_too_long_is_shown_again_as_it_was_filled_in(client, engine, clock, filled_in):
    clock.forward(days=2)
    answer = client.post("/subscribe", data=filled_in)
    assert (answer.status_code, errors(answer.text)) == (200, {})
    assert "This page was open for a long time" in answer.text
    kept = fields(answer.text)
    assert {name: kept[name] for name in filled_in if name != "form"} == {
        name: value for name, value in filled_in.items() if name != "form"
    }
    assert letters(engine) == []
    assert heading(client.post("/subscribe", data=kept).text) == CHECK
    assert letters(engine) == ["confirm"]


@pytest.mark.parametrize("days", [0, 2])
def test_a_form_that_another_sites_page_sends_is_shown_instead_of_taken(
    client, engine, clock, filled_in, days
):
    clock.forward(days=days)
    answer = client.post("/subscribe", data=filled_in, headers={"sec-fetch-site": "cross-site"})
    assert (heading(answer.text), letters(engine)) == (FORM, [])
    shown = fields(answer.text)
    assert shown["email"] == [ANNA]
    assert {"terms", "health"}.isdisjoint(shown)  # nobody has read the words yet


def test_a_link_neither_agrees_for_somebody_nor_brings_an_address(client: TestClient, engine: Engine):
    ticked = agreed(client, f"/subscribe?condition={CONDITION}")
    for path in ("/subscribe", "/subscribe/embed", "/subscribe/again"):
        shown = fields(client.get(path, params={**ticked, "condition": CONDITION}).text)
        assert (shown["condition"], shown["email"]) == ([CONDITION], [""])
        assert {"terms", "health"}.isdisjoint(shown)


@pytest.mark.parametrize("encoding", ["data", "files"])
def test_both_encodings_of_a_form_are_read(client, engine, filled_in, encoding):
    body = {name: value[0] for name, value in filled_in.items()}
    sent = {"data": body} if encoding == "data" else {"files": {key: (None, body[key]) for key in body}}
    assert heading(client.post("/subscribe", **sent).text) == CHECK
    assert letters(engine) == ["confirm"]


def due(engine: Engine) -> list[int]:
    """When each letter may leave, in seconds after noon."""
    find = "SELECT next_attempt_at FROM batches WHERE mail = 'confirm' ORDER BY id"
    return [int((row.next_attempt_at - NOON).total_seconds()) for row in query(engine, find)]


def test_a_second_sign_up_within_the_minute_is_kept_and_its_mail_waits_for_its_minute(
    client, engine, clock: Clock, filled_in
):
    client.post("/subscribe", data=filled_in)
    clock.forward(seconds=20)
    other = client.post("/subscribe", data={**filled_in, "condition": ["Eye Strain"]})
    assert heading(other.text) == CHECK
    assert due(engine) == [0, 80]
    assert len(query(engine, "SELECT id FROM sign_ups")) == 2


def test_no_more_than_four_mails_wait_for_one_mailbox_in_a_day_whichever_way_they_are_asked_for(
    client, engine, filled_in
):
    program = {
        "email": ANNA,
        "study": STUDY,
        "terms": filled_in["terms"][0],
        "health_data": filled_in["health"][0],
    }
    for number in range(3):
        wish = {**filled_in, "condition": [f"Asthma {number}"]}
        assert heading(client.post("/subscribe", data=wish).text) == CHECK
        answer = client.post("/v1/subscriptions", json={**program, "conditions": [f"Dry Eye {number}"]})
        assert (answer.status_code, answer.json()) == (202, {"status": "check_your_email"})
    assert due(engine) == [0, 60, 60, 60]
    assert len(query(engine, "SELECT id FROM sign_ups")) == 6
    for other in ("an.na+1@example.org", "ben@example.org"):
        assert heading(client.post("/subscribe", data={**filled_in, "email": [other]}).text) == CHECK
    assert len(due(engine)) == 5


ENDS = {
    "open": "SELECT 1",
    "confirmed": "SELECT 1",
    "refused": "UPDATE sign_ups SET refused_at = now()",
    "erased": "DELETE FROM sign_ups",
}


@pytest.mark.parametrize("become", ENDS)
def test_send_it_again_answers_the_same_whatever_became_of_the_sign_up(
    client, engine, clock, service, filled_in, become, monkeypatch
):
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "ok")
    again = fields(client.post("/subscribe", data=filled_in).text, "form[action='/subscribe/again']")
    if become == "confirmed":
        link = service.confirm_links.token(
            query(engine, "SELECT public_id FROM sign_ups")[0].public_id, clock()
        )
        client.post(f"/confirm/{link}", data={"do": "confirm"})
    else:
        with engine.begin() as conn:
            conn.execute(text(ENDS[become]))
    said = []
    for seconds in (30, 31, 0):
        clock.forward(seconds=seconds)
        answer = client.post("/subscribe/again", data=again)
        said.append((answer.status_code, heading(answer.text), "wait a minute" in answer.text))
        again = fields(answer.text, "form[action='/subscribe/again']")
        assert "We sent a link to your address." in answer.text
    assert said == [(200, CHECK, True), (200, CHECK, False), (200, CHECK, True)]
    assert len(letters(engine)) == (2 if become == "open" else 1)


def test_send_it_again_waits_a_minute_and_says_so(
    client, engine, clock: Clock, filled_in, service: Service, monkeypatch
):
    sent = client.post("/subscribe", data=filled_in)
    again = fields(sent.text, "form[action='/subscribe/again']")
    clock.forward(seconds=59)
    early = client.post("/subscribe/again", data=again)
    assert (early.status_code, heading(early.text)) == (200, CHECK)
    assert "Please wait a minute" in early.text
    assert letters(engine) == ["confirm"]
    clock.forward(seconds=2)
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "ok")  # its minute is the real one
    late = client.post("/subscribe/again", data=again)
    assert (heading(late.text), "Please wait" in late.text) == (CHECK, False)
    assert letters(engine) == ["confirm", "confirm"]


def test_use_another_address_keeps_the_wishes_and_forgets_the_address(client, filled_in):
    sent = client.post("/subscribe", data=filled_in)
    other = client.post("/subscribe", data=fields(sent.text, "form[action='/subscribe']"))
    kept = fields(other.text)
    assert (kept["study"], kept["condition"], kept["email"]) == ([STUDY], ["Dry Eye"], [""])


def test_send_it_again_with_a_broken_or_old_token_shows_the_form(client, clock, filled_in):
    sent = client.post("/subscribe", data=filled_in)
    again = fields(sent.text, "form[action='/subscribe/again']")
    for token in ("", "x", again["sign_up"][0][:-4]):
        answer = client.post("/subscribe/again", data={**again, "sign_up": token})
        assert (answer.status_code, heading(answer.text)) == (200, FORM)
    clock.forward(days=2)
    answer = client.post("/subscribe/again", data=again)
    assert (heading(answer.text), fields(answer.text)["study"]) == (FORM, [STUDY])


def test_get_and_head_of_any_of_these_pages_change_nothing(client, engine):
    for address in (
        "/subscribe",
        "/subscribe/embed",
        "/subscribe/again",
        f"/subscribe?study={STUDY}&email={ANNA}",
    ):
        assert client.get(address).status_code == client.head(address).status_code == 200
    assert query(engine, "SELECT 1 FROM sign_ups") == query(engine, "SELECT 1 FROM targets") == []
