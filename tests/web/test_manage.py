from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.delivery.erasing import erase
from notifier.delivery.suppressions import add
from notifier.links.keys import email_key
from notifier.web.manage_actions import ACTIONS, act
from notifier.web.service import Service
from tests.web.conftest import STUDY, Clock, fields, heading, letters, query
from tests.world import NOON

OWN = "Your email updates"


@pytest.fixture
def own(service: Service, ben: UUID, clock: Clock) -> str:
    return f"/manage/{service.manage_links.token(ben, clock())}"


def status(html: str) -> str:
    return LexborHTMLParser(html).css_first("[role=status]").text().strip()


def cards(html: str) -> list[str]:
    return [card.text() for card in LexborHTMLParser(html).css("h3")]


def which(engine: Engine, key: str) -> str:
    find = """SELECT b.public_id FROM subscriptions b JOIN targets t ON t.id = b.target_id
              WHERE t.key = :key ORDER BY b.id DESC"""
    return str(query(engine, find, key=key)[0].public_id)


def do(client: TestClient, own: str, **form: object) -> str:
    answer = client.post(own, data=form)
    assert (answer.status_code, heading(answer.text)) == (200, OWN)
    return answer.text


def schedule(engine: Engine) -> tuple[object, ...]:
    find = "SELECT frequency, zone, hour, weekday FROM schedules c JOIN subscribers s ON s.schedule_id = c.id"
    return tuple(query(engine, find)[0])


def test_the_page_shows_everything_and_opening_it_changes_nothing(
    client: TestClient, engine: Engine, own: str
):
    html = client.get(own).text
    assert client.head(own).status_code == 200
    assert heading(html) == OWN
    assert "b•••@example.org" in html
    assert "ben@" not in html
    assert cards(html) == [STUDY, "Asthma", "Dry Eye"]
    order = ["How often", "What you follow", "Subject line", "Pause", "Stop everything", "Your data"]
    assert [title.text() for title in LexborHTMLParser(html).css("h2")] == order
    assert query(engine, "SELECT 1 FROM subscription_changes") == []


def test_how_often_hour_day_and_zone_are_saved_and_shown(client: TestClient, engine: Engine, own: str):
    html = do(client, own, do="often", frequency="weekly", hour="18", weekday="5", zone="Africa/Lagos")
    assert status(html) == "Saved. You get emails: once a week."
    assert schedule(engine) == ("weekly", "Africa/Lagos", 18, 5)
    shown = fields(html, "form:has(#zone)")
    assert (shown["hour"], shown["weekday"], shown["zone"]) == (["18"], ["5"], ["Africa/Lagos"])
    do(client, own, do="often", frequency="immediate", hour="", weekday="x", zone="")
    assert schedule(engine)[0] == "immediate"


@pytest.mark.parametrize(
    "wrong", [{"hour": "24"}, {"zone": "Mars/Base"}, {"weekday": "0"}, {"frequency": "never"}]
)
def test_what_cannot_be_is_not_saved_and_the_page_says_so(client, engine, own, wrong):
    form = {"do": "often", "frequency": "weekly", "hour": "8", "weekday": "1", "zone": "UTC", **wrong}
    assert status(do(client, own, **form)).startswith("Nothing was changed.")
    assert schedule(engine)[0] == "daily"


def test_a_condition_can_be_made_exact_and_broad_again_and_a_study_cannot(client, engine, own):
    reach = "SELECT reach FROM subscriptions WHERE public_id = :id"
    asthma, study = which(engine, "asthma"), which(engine, STUDY)
    assert status(do(client, own, do="reach", which=asthma, reach="3")) == "Saved for Asthma."
    assert query(engine, reach, id=asthma)[0].reach == 3
    do(client, own, do="reach", which=asthma, reach="4")
    assert query(engine, reach, id=asthma)[0].reach == 4
    assert status(do(client, own, do="reach", which=study, reach="3")).startswith("Nothing was changed")


def test_titles_are_off_until_somebody_ticks_them(client, engine, own):
    html = do(client, own, do="titles", titles="on")
    assert "shows study titles" in status(html)
    assert "titles" in fields(html, "form:has([name=titles])")
    assert "does not show" in status(do(client, own, do="titles"))


def test_a_pause_says_until_when_and_ends_on_one_button(client: TestClient, own: str):
    html = do(client, own, do="pause", months="3")
    assert status(html) == "Your emails are paused until 22 February 2027."
    assert "They start again on 22 February 2027" in client.get(own).text
    html = do(client, own, do="resume")
    assert (status(html), "They start again on" in html) == ("Your emails are on again.", False)
    for months in ("", "0", "13", "-1", "²", "99999999"):
        assert "Please choose how long" in status(do(client, own, do="pause", months=months))


def test_one_update_is_stopped_and_brought_back(client: TestClient, engine: Engine, own: str):
    one = which(engine, "asthma")
    html = do(client, own, do="stop_one", which=one)
    assert status(html).startswith("Stopped: Asthma.")
    assert cards(html) == [STUDY, "Dry Eye", "Asthma"]
    assert "Stopped in the last 30 days" in html
    html = do(client, own, do="undo_one", which=one)
    assert status(html) == "Your updates are on again."
    assert "Stopped in the last 30 days" not in html
    assert letters(engine) == []


def test_stop_all_asks_first_then_stops_tells_once_and_can_be_undone(client, engine, own, wakes, clock):
    ask = client.get(f"{own}?ask=stop")
    assert heading(ask.text) == "Stop all emails?"
    assert "This ends 3 updates" in ask.text
    done = client.post(own, data=fields(ask.text))
    assert (heading(done.text), letters(engine), wakes) == ("All emails stopped", ["stopped"], ["letter"])
    assert query(engine, "SELECT state FROM subscribers")[0].state == "stopped"
    assert "All emails are stopped" in client.get(own).text
    assert status(do(client, own, do="undo_all")) == "Your updates are on again."
    client.post(own, data={"do": "stop_all"})
    assert letters(engine) == ["stopped"]  # once a day is enough
    clock.forward(days=31)


RUNNING = (
    {"do": "often", "frequency": "weekly", "hour": "8", "weekday": "1", "zone": "UTC"},
    {"do": "pause", "months": "3"},
    {"do": "resume"},
    {"do": "titles", "titles": "on"},
)


@pytest.mark.parametrize("form", RUNNING, ids=lambda form: form["do"])
def test_a_button_from_before_everything_stopped_says_that_it_has_stopped(client, engine, own, form):
    client.post(own, data={"do": "stop_all"})
    html = do(client, own, **form)
    assert status(html) == "Nothing was changed, as all emails are stopped."
    assert schedule(engine)[0] == "daily"
    assert query(engine, "SELECT DISTINCT action FROM subscription_changes") == [("stop_all",)]


def test_somebody_on_the_do_not_mail_list_is_told_whom_to_write_to(client, engine, own, service):
    key = email_key(service.keys, "ben@example.org")
    assert "We do not email you" not in client.get(own).text
    with engine.begin() as conn:
        add(conn, key, note="asked for it", now=NOON)
    html = client.get(own).text
    assert "We do not email you" in html
    assert "asked for it" not in html
    assert len(LexborHTMLParser(html).css('main a[href="mailto:help@example.org"]')) == 1


@pytest.mark.parametrize("what", sorted(ACTIONS))
def test_no_button_fails_for_somebody_who_is_erased_while_it_is_pressed(
    client, engine, own, what, service, monkeypatch
):
    which_one = which(engine, "asthma")

    def erased_first(visit, form):
        with engine.begin() as conn:
            erase(conn, email_key(service.keys, "ben@example.org"), settings=service.settings, now=NOON)
        return act(visit, form)

    monkeypatch.setattr("notifier.web.manage.act", erased_first)
    form = {**RUNNING[0], "which": which_one, "reach": "3", "months": "1", "do": what}
    answer = client.post(own, data=form)
    assert (answer.status_code, heading(answer.text)) == (200, "Your data is deleted")


def test_an_undo_ends_after_thirty_days(client, engine, own, clock, service, ben):
    client.post(own, data={"do": "stop_all"})
    clock.forward(days=29)
    own = f"/manage/{service.manage_links.token(ben, clock())}"
    assert "Start them again" in client.get(own).text
    clock.forward(days=2)
    html = do(client, own, do="undo_all")
    assert "sign up again" in html
    assert query(engine, "SELECT state FROM subscribers")[0].state == "stopped"


def test_an_address_that_bounces_is_told_and_can_be_tried_again(client, engine, own, service):
    suppress = "INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, :reason, now())"
    key = email_key(service.keys, "ben@example.org")
    for reason, left in (("bounced", 0), ("operator", 1)):
        with engine.begin() as conn:
            conn.execute(text(suppress), {"key": key, "reason": reason})
        assert ("Emails to you are not arriving" in client.get(own).text) == (reason == "bounced")
        do(client, own, do="try_again")
        assert len(query(engine, "SELECT 1 FROM suppressions")) == left


def test_all_data_comes_as_a_file_only_on_a_post(client: TestClient, own: str):
    answer = client.post(own, data={"do": "download"})
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    held = answer.json()
    assert held["email"] == "ben@example.org"
    assert len(held["subscriptions"]) == 3


def test_delete_asks_first_then_nothing_is_left_and_the_link_says_so(
    client: TestClient, engine: Engine, own: str
):
    ask = client.get(f"{own}?ask=delete")
    assert heading(ask.text) == "Delete your data?"
    done = client.post(own, data=fields(ask.text))
    for answer in (
        done,
        client.get(own),
        client.post(own, data={"do": "delete"}),
        client.get(f"{own}?ask=stop"),
    ):
        assert (answer.status_code, heading(answer.text)) == (200, "Your data is deleted")
    assert query(engine, "SELECT 1 FROM subscribers") == query(engine, "SELECT 1 FROM subscriptions") == []


def test_a_post_that_says_nothing_we_know_changes_nothing(client, engine, own, anna):
    others = str(query(engine, "SELECT public_id FROM subscriptions ORDER BY id DESC")[0].public_id)
    assert client.post(own, data={"do": "hack"}).status_code == 400
    assert client.post(own).status_code == 400
    for what in ("stop_one", "undo_one", "reach"):
        assert status(do(client, own, do=what, which=others, reach="3")).startswith("Nothing was changed")
    assert query(engine, "SELECT 1 FROM subscription_changes") == []


def test_an_old_link_shows_nothing_and_has_a_new_one_mailed(client, engine, own, clock, service):
    clock.forward(days=31)
    for answer in (client.get(own), client.post(own, data={"do": "stop_all"})):
        assert (answer.status_code, heading(answer.text)) == (410, "This link is too old")
        assert "Asthma" not in answer.text
    assert heading(client.post(own, data=fields(answer.text)).text) == "Check your email"
    assert letters(engine) == ["manage_link"]
    gone = f"/manage/{service.manage_links.token(uuid4(), clock() - timedelta(days=31))}"
    assert client.post(gone, data={"do": "again"}).status_code == 200


def test_links_of_another_kind_or_cut_off_get_a_page_that_helps(client, own, service, ben, clock):
    wrong = (service.confirm_links.token(ben, clock()), service.links.token(ben), own[8:-4], "x")
    for token in wrong:
        for answer in (
            client.get(f"/manage/{token}"),
            client.post(f"/manage/{token}", data={"do": "delete"}),
        ):
            assert (answer.status_code, heading(answer.text)) == (400, "This link does not work")


def test_managing_needs_neither_redis_nor_workers(client, engine, own, service, monkeypatch):
    def nobody(*_: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(type(service.limits), "allow_mail_to", nobody)
    monkeypatch.setattr(type(service), "wake_workers", nobody, raising=False)
    assert heading(client.post(own, data={"do": "stop_all"}).text) == "All emails stopped"
