from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.subscriptions.stopping import stop_all
from notifier.web.service import Service
from tests.web.conftest import ANNA, CONDITION, Clock, fields, heading, letters, query
from tests.web.test_sign_up import agreed

ASK, ON, ALREADY = "Start email updates?", "You are all set", "Your updates are already on"
OLD, REFUSED, STOPPED = "This link is too old", "Thank you for telling us", "You stopped these emails"


YES = {"do": "confirm"}


@pytest.fixture
def signed_up(client: TestClient, engine: Engine) -> UUID:
    client.post("/subscribe", data=agreed(client, f"/subscribe?condition={CONDITION}"))
    public_id: UUID = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    return public_id


@pytest.fixture
def link(service: Service, signed_up: UUID, clock: Clock) -> str:
    return f"/confirm/{service.confirm_links.token(signed_up, clock())}"


def followed(engine: Engine) -> int:
    return len(query(engine, "SELECT 1 FROM subscriptions WHERE ended_at IS NULL"))


def test_the_link_shows_what_was_asked_for_and_starts_nothing(client: TestClient, engine: Engine, link: str):
    for _ in range(2):
        answer = client.get(link)
        assert (answer.status_code, heading(answer.text)) == (200, ASK)
        assert client.head(link).status_code == 200
        assert heading(client.post(link).text) == ASK  # as some scanners do
    for words in (CONDITION, "a•••@example.org", "once a day", "You can stop at any time"):
        assert words in answer.text
    assert ANNA not in answer.text
    assert followed(engine) == 0


def test_the_button_starts_it_once_however_often_it_is_pressed(client: TestClient, engine: Engine, link: str):
    first = client.post(link, data=fields(client.get(link).text))
    assert (first.status_code, heading(first.text)) == (200, ON)
    for answer in (client.post(link, data=YES), client.get(link), client.post(link)):
        assert (answer.status_code, heading(answer.text)) == (200, ALREADY)
    assert followed(engine) == 1


def test_the_page_after_it_leads_to_the_persons_own_page(client: TestClient, link: str):
    html = client.post(link, data=YES).text
    manage = html.partition('href="/manage/')[2].partition('"')[0]
    assert heading(client.get(f"/manage/{manage}").text) == "Your email updates"
    assert heading(client.get(f"/manage/{manage}?ask=stop").text) == "Stop all emails?"


def test_only_the_press_that_starts_it_leads_right_into_that_page(client: TestClient, link: str):
    client.post(link, data=YES)
    for answer in (client.get(link), client.post(link, data=YES), client.post(link, data={"do": "refuse"})):
        assert heading(answer.text) == ALREADY
        assert "/manage/" not in answer.text
        assert 'href="/manage"' in answer.text


@pytest.mark.parametrize("before", ["confirm", "refuse"])
def test_a_link_that_is_too_old_says_so_whatever_became_of_it(client, engine, link, clock, before):
    client.post(link, data={"do": before})
    clock.forward(days=7, seconds=1)
    for answer in (
        client.get(link),
        *(client.post(link, data={"do": what}) for what in ("confirm", "again")),
    ):
        assert (answer.status_code, heading(answer.text)) == (410, OLD)
        assert "/manage" not in answer.text
        assert "Send me a new link" not in answer.text
    assert letters(engine) == ["confirm"]


def test_this_was_not_me_ends_it_and_the_link_starts_nothing_any_more(client, engine, link):
    no = {"do": "refuse"}
    for answer in (
        client.post(link, data=no),
        client.post(link, data=no),
        client.get(link),
        client.post(link, data=YES),
    ):
        assert (answer.status_code, heading(answer.text)) == (200, REFUSED)
    assert followed(engine) == 0


def test_whoever_has_confirmed_cannot_refuse_by_the_same_link(client, engine, link):
    client.post(link, data=YES)
    assert heading(client.post(link, data={"do": "refuse"}).text) == ALREADY
    assert followed(engine) == 1


def test_an_old_link_of_somebody_who_has_stopped_since_starts_nothing(client, engine, link, clock):
    client.post(link, data=YES)
    person = query(engine, "SELECT public_id FROM subscribers")[0].public_id
    with engine.begin() as conn:
        stop_all(conn, person, reason="one_click", now=clock())
    for answer in (client.get(link), client.post(link, data=YES)):
        assert (answer.status_code, heading(answer.text)) == (200, STOPPED)
    assert followed(engine) == 0
    again = client.post("/subscribe", data=fields(answer.text))
    assert fields(again.text)["condition"] == [CONDITION]


def test_after_seven_days_one_button_sends_a_new_link(client, engine, link, clock, service, monkeypatch):
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "ok")
    clock.forward(days=7, seconds=1)
    for answer in (client.get(link), client.post(link, data=YES)):
        assert (answer.status_code, heading(answer.text)) == (410, OLD)
    assert followed(engine) == 0
    answer = client.post(link, data=fields(answer.text))
    assert heading(answer.text) == "Check your email"
    assert letters(engine) == ["confirm", "confirm"]
    signed_up = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    fresh = f"/confirm/{service.confirm_links.token(signed_up, clock())}"
    assert heading(client.post(fresh, data=YES).text) == ON


def test_what_is_purged_or_was_never_there_is_too_old_and_leads_to_the_form(
    client, engine, link, service, clock
):
    with engine.begin() as conn:
        conn.execute(text("DELETE FROM sign_ups"))
    never = f"/confirm/{service.confirm_links.token(uuid4(), clock())}"
    for address in (link, never):
        for answer in (
            client.get(address),
            client.post(address, data=YES),
            client.post(address, data={"do": "refuse"}),
        ):
            assert (answer.status_code, heading(answer.text)) == (410, OLD)
            assert 'href="/subscribe"' in answer.text


def test_a_link_that_is_cut_changed_or_made_for_something_else_gets_a_page_that_helps(
    client, engine, link, service, signed_up, clock
):
    of_another_kind = (
        service.manage_links.token(signed_up, clock()),
        service.form_links.token(signed_up, clock()),
        service.links.token(signed_up),
        service.items.token(1),
        service.confirm_links.token(signed_up, clock() + timedelta(days=1)),
    )
    wrong = [link[9:-3], link[9:].swapcase(), "", "%00", "x" * 5000, "%2e%2e/manage", *of_another_kind[:4]]
    for token in wrong:
        for answer in (client.get(f"/confirm/{token}"), client.post(f"/confirm/{token}", data=YES)):
            assert (answer.status_code, heading(answer.text)) == (400, "This link does not work")
            assert fields(answer.text)["email"] == [""]
            assert "mailto:help@example.org" in answer.text
    assert (
        client.post(f"/confirm/{of_another_kind[4]}", data=YES).status_code == 410
    )  # of a clock that was wrong
    assert followed(engine) == 0


def test_mail_apps_that_glue_something_on_and_other_methods_do_no_harm(client, engine, link):
    assert heading(client.get(link + ").").text) == ASK
    assert client.get(link + "/").status_code == 200
    assert client.put(link).status_code == client.delete(link).status_code == 405
    assert followed(engine) == 0


def test_confirming_is_never_limited_and_needs_no_redis(client, engine, link, service, monkeypatch):
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "down")
    assert heading(client.post(link, data=YES).text) == ON
    assert followed(engine) == 1


@pytest.mark.parametrize(("wanted", "posted"), [(False, ["confirm"]), (True, ["confirm", "welcome"])])
def test_a_welcome_is_posted_once_where_it_is_wanted(
    app, client, engine, link, service, wakes, wanted, posted
):
    chosen = service.settings.model_copy(update={"welcome_mail": wanted})
    app.state.service = replace(service, settings=chosen)
    wakes.clear()
    for _ in range(2):
        client.post(link, data=YES)
    assert letters(engine) == posted
    assert wakes == ["letter"] * wanted
