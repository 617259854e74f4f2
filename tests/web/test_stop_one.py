"""Links beside one study or one condition, less often instead, and the way back."""

from uuid import UUID

import pytest
from fastapi import FastAPI
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.delivery.withdrawing import undo_all
from notifier.settings import Settings
from notifier.subscriptions.schedules import Rhythm
from notifier.web.app import create_app
from notifier.web.service import Service
from tests.web.conftest import CONDITION, fields, heading, letters, public_id_of, query, state
from tests.world import World, condition

ASK, DONE, BEFORE, BACK = (
    "Stop these emails?",
    "You will not get these emails any more",
    "You already stopped these emails",
    "Your updates are on again",
)
ENDED = "These updates have ended"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def all_of_ben(service: Service, ben: UUID) -> str:
    return f"/u/{service.links.token(ben)}"


@pytest.fixture
def asthma(engine: Engine, service: Service, all_of_ben: str) -> str:
    target = query(engine, "SELECT id FROM targets WHERE key = 'asthma'")[0].id
    return f"{all_of_ben}/{service.items.token(target)}"


def active(engine: Engine) -> list[str]:
    find = """SELECT t.label FROM subscriptions b JOIN targets t ON t.id = b.target_id
              WHERE b.ended_at IS NULL ORDER BY t.label"""
    return [row.label for row in query(engine, find)]


def test_the_link_beside_a_condition_names_it_stops_it_alone_and_brings_it_back(client, engine, asthma):
    page = client.get(asthma)
    assert (heading(page.text), client.head(asthma).status_code) == (ASK, 200)
    assert "new studies for <strong" in page.text
    assert "Asthma" in page.text
    assert len(active(engine)) == 3
    done = client.post(asthma, data=fields(page.text))
    assert heading(done.text) == DONE
    assert "See my other updates" in done.text
    assert active(engine) == ["Dry Eye", "NCT01234567"]
    assert letters(engine) == []
    before = client.get(asthma)
    assert (heading(before.text), "Asthma" in before.text) == (BEFORE, False)
    assert heading(client.post(asthma, data=fields(done.text)).text) == BACK
    assert len(active(engine)) == 3


def test_one_click_on_such_a_link_stops_that_one_and_repeats_answer_200(client, engine, asthma):
    for body in (
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"data": ONE_CLICK},
    ):
        assert client.post(asthma, **body).status_code == 200
    assert active(engine) == ["Dry Eye", "NCT01234567"]


def test_what_somebody_does_not_follow_is_stopped_already_whatever_it_is(
    client, all_of_ben, service, anna, engine
):
    target = query(engine, "SELECT id FROM targets WHERE label = :label", label=CONDITION)[0].id
    for number in (target, 999_999):
        address = f"{all_of_ben}/{service.items.token(number)}"
        for answer in (client.get(address), client.post(address, data={"stop": "all"})):
            assert (answer.status_code, heading(answer.text)) == (200, BEFORE)
            assert CONDITION not in answer.text


def test_a_cut_off_item_gets_a_page_that_helps_and_stops_nothing(
    client, engine, asthma, all_of_ben, service, ben
):
    for bad in (asthma[:-4], f"{asthma}/x", f"{all_of_ben}/x", f"{all_of_ben}/{service.links.token(ben)}"):
        for answer in (client.get(bad), client.post(bad, data=ONE_CLICK)):
            assert (answer.status_code, heading(answer.text)) == (400, "This link does not work")
    assert client.get(asthma + ").").status_code == 200
    assert len(active(engine)) == 3


def test_stopping_all_by_the_page_tells_once_and_by_one_click_never(client, engine, path, wakes, anna, clock):
    client.post(path, data=ONE_CLICK)
    assert (letters(engine), wakes) == ([], [])
    with engine.begin() as conn:
        undo_all(conn, anna, via="manage", now=clock())
    done = client.post(path, data=fields(client.get(path).text))
    assert (heading(done.text), letters(engine), wakes) == (DONE, ["stopped"], ["letter"])
    assert heading(client.post(path, data=fields(done.text)).text) == BACK
    assert state(engine) == ("active", 1)
    client.post(path, data={"stop": "all"})
    assert letters(engine) == ["stopped"]


def test_after_a_complaint_only_a_new_sign_up_brings_the_mails_back(client, engine, path):
    done = client.post(path, data={"stop": "all"})
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscriptions SET ended_reason = 'complaint'"))
    assert 'href="/subscribe"' in client.get(path).text
    assert heading(client.post(path, data=fields(done.text)).text) == "Please sign up again"
    assert state(engine) == ("stopped", 0)


def test_only_the_page_that_says_it_stopped_can_undo_it_and_for_a_day(
    client, engine, path, clock, service, ben
):
    done = client.post(path, data={"stop": "all"})
    undo = fields(done.text)
    for answer in (client.get(path), client.post(path, data={"stop": "all"})):
        assert (heading(answer.text), "<form" in answer.text) == (BEFORE, False)
        assert 'href="/manage"' in answer.text
    of_others = service.form_links.token(ben, clock())
    for token in ("", "x", service.form_token(), of_others):
        assert heading(client.post(path, data={**undo, "form": token}).text) == BEFORE
    clock.forward(days=1, seconds=1)
    assert heading(client.post(path, data=undo).text) == BEFORE
    assert active(engine) == ["Asthma", "Dry Eye", "NCT01234567"]


def test_undoing_one_brings_back_that_one_even_where_all_has_stopped_since(
    client, engine, asthma, all_of_ben
):
    undo = fields(client.post(asthma, data={"stop": "all"}).text)
    client.post(all_of_ben, data={"stop": "all"})
    for _ in range(2):
        assert heading(client.post(asthma, data=undo).text) == BACK
        assert active(engine) == ["Asthma"]


def test_what_stopped_longer_ago_than_can_be_undone_is_not_said_to_be_on_again(client, engine, asthma, clock):
    undo = fields(client.post(asthma, data={"stop": "all"}).text)
    with engine.begin() as conn:
        conn.execute(text("UPDATE subscriptions SET ended_at = ended_at - interval '31 days'"))
    assert heading(client.post(asthma, data=undo).text) == BEFORE
    assert active(engine) == ["Dry Eye", "NCT01234567"]


def test_whoever_is_erased_meanwhile_gets_a_page_that_claims_no_more_than_is_known(
    client, engine, asthma, all_of_ben, service, ben, clock
):
    undo = fields(client.post(asthma, data={"stop": "all"}).text)
    client.post(f"/manage/{service.manage_links.token(ben, clock())}", data={"do": "delete"})
    for link in (asthma, all_of_ben, f"{all_of_ben}/often"):
        for form in (undo, {"stop": "all"}, {"frequency": "pause"}):
            answer = client.post(link, data=form)
            assert (answer.status_code, heading(answer.text)) == (200, ENDED)
            assert "use the link in a newer email" in answer.text


def offered(html: str) -> list[str]:
    return [field.attributes["value"] for field in LexborHTMLParser(html).css("input[type=radio]")]


@pytest.mark.parametrize(
    ("rhythm", "rarer"),
    [
        (Rhythm("immediate"), ["daily", "weekly", "pause"]),
        (Rhythm("daily", "Africa/Lagos", 19), ["weekly", "pause"]),
        (Rhythm("weekly", "UTC", 8, 2), ["pause"]),
    ],
)
def test_less_often_offers_only_what_is_rarer(client, engine, world: World, service, rhythm, rarer):
    person = public_id_of(engine, world.person("cleo", condition("Asthma"), rhythm=rhythm))
    often = f"/u/{service.links.token(person)}/often"
    page = client.get(often)
    assert (heading(page.text), offered(page.text)) == ("How often do you want emails?", rarer)
    assert client.post(often, data={"frequency": "immediate"}).status_code == 400
    assert query(engine, "SELECT 1 FROM subscription_changes") == []
    assert heading(client.post(often, data=fields(page.text)).text) == "Saved"
    [now] = query(
        engine,
        "SELECT frequency, zone, hour, paused_until FROM subscribers s JOIN schedules c ON c.id = s.schedule_id",
    )
    assert (now.frequency if rarer[0] != "pause" else "pause") == rarer[0]
    assert (now.paused_until is not None) == (rarer[0] == "pause")
    if rhythm.frequency == "daily":
        assert (now.zone, now.hour) == ("Africa/Lagos", 19)


def test_less_often_of_somebody_who_left_says_that_they_left(client, path):
    client.post(path, data=ONE_CLICK)
    for answer in (client.get(f"{path}/often"), client.post(f"{path}/often", data={"frequency": "pause"})):
        assert heading(answer.text) == BEFORE


def test_leaving_works_while_redis_workers_and_the_provider_are_down(
    web_settings: Settings, app: FastAPI, engine: Engine, asthma: str, path: str
):
    def wake(_: str) -> None:
        raise ConnectionError

    down = {"redis_url": "redis://127.0.0.1:1/0", "sendgrid_api_url": "http://127.0.0.1:1"}
    settings = Settings(_env_file=None, **{**web_settings.model_dump(exclude_unset=True), **down})
    with TestClient(create_app(settings, engine, wake)) as client:
        assert heading(client.post(asthma, data={"stop": "all"}).text) == DONE
        done = client.post(path, data={"stop": "all"})
        assert heading(done.text) == DONE
        assert heading(client.post(path, data=fields(done.text)).text) == BACK
        assert client.post(path, data=ONE_CLICK).status_code == 200
        assert client.get("/subscribe?condition=Asthma").status_code == 200
    assert active(engine) == ["Dry Eye", "NCT01234567"]
