"""Who presses "Sign up" twice gets one letter; who asks again later, or for something else, gets another."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.db.engine import make_engine
from notifier.settings import Settings
from notifier.web.app import create_app
from notifier.web.service import Service
from tests.waiting import wait_for
from tests.web.browsing import served
from tests.web.conftest import ANNA, Clock, heading, letters, query
from tests.web.test_sign_up import CHECK, agreed, due

WISH = "/subscribe?condition=Asthma"
WAITING = """SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE NOT l.granted AND d.datname = current_database()"""
Form = dict[str, list[str]]


@pytest.fixture
def form(client: TestClient) -> Form:
    return agreed(client, WISH)


@pytest.fixture
def program(form: Form) -> dict[str, Any]:
    """The same wish, as the site's own server sends it."""
    return {
        "email": ANNA,
        "conditions": ["Asthma"],
        "terms": form["terms"][0],
        "health_data": form["health"][0],
    }


@pytest.fixture
def enough(service: Service, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Says what the limits answer from now on: their minute is a real one."""

    def say(*verdicts: str) -> None:
        left = list(verdicts)
        monkeypatch.setattr(
            type(service.limits), "allow_mail_to", lambda *_: left.pop(0) if len(left) > 1 else left[0]
        )

    return say


def sign_ups(engine: Engine) -> int:
    return len(query(engine, "SELECT 1 FROM sign_ups"))


def test_a_double_click_is_one_request_and_answered_like_two(client, engine, clock, form):
    first = client.post("/subscribe", data=form)
    clock.forward(seconds=1)
    second = client.post("/subscribe", data=form)
    assert heading(first.text) == heading(second.text) == CHECK
    assert (due(engine), sign_ups(engine)) == ([0], 1)


def test_the_same_from_a_program_is_one_request_and_so_is_one_of_each(client, engine, form, program):
    answers = [client.post("/v1/subscriptions", json=program) for _ in range(2)]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, b'{"status":"check_your_email"}')
    }
    assert heading(client.post("/subscribe", data=form).text) == CHECK
    assert (due(engine), sign_ups(engine)) == ([0], 1)


def test_the_second_click_may_arrive_first_and_makes_nobody_wait(client, engine, enough, form):
    enough("address", "ok")
    for _ in range(2):
        client.post("/subscribe", data=form)
    assert (due(engine), sign_ups(engine)) == ([0], 1)


@pytest.fixture
def two_processes(web_settings: Settings, database_url: str) -> Iterator[list[str]]:
    """Where two web processes listen, each with connections of its own."""
    with ExitStack() as stack:
        bases = []
        for _ in range(2):
            engine = make_engine(database_url)
            stack.callback(engine.dispose)
            bases.append(stack.enter_context(served(create_app(web_settings, engine, lambda reason: None))))
        yield bases


@pytest.mark.parametrize("verdicts", [("ok", "ok"), ("address", "ok")])
def test_two_clicks_at_one_moment_through_two_processes_are_one_request(
    client, engine, enough, form, program, two_processes, verdicts
):
    client.post(
        "/subscribe", data={**form, "email": ["zoe@example.org"]}
    )  # so that nobody waits for the condition
    enough(*verdicts)

    def press(number: int) -> int:
        base = two_processes[number % 2]
        if number < 2:
            return httpx.post(f"{base}/subscribe", data=form).status_code
        return httpx.post(f"{base}/v1/subscriptions", json=program).status_code

    with ThreadPoolExecutor(4) as people, engine.begin() as conn:
        conn.execute(text("LOCK TABLE sign_ups IN SHARE MODE"))  # nobody is done before all have begun
        pressed = people.map(press, range(4))
        wait_for(lambda: len(query(engine, WAITING)) == 4)
        conn.commit()
        answers = list(pressed)
    assert answers == [200, 200, 202, 202]
    assert (letters(engine), sign_ups(engine)) == (["confirm"] * 2, 2)
    assert query(engine, "SELECT 1 FROM batches WHERE next_attempt_at > now()") == []


OTHERWISE: dict[str, dict[str, list[str]]] = {
    "about something else": {"condition": ["Asthma", "Dry Eye"]},
    "how often": {"frequency": ["weekly"]},
    "another zone": {"zone": ["Asia/Tokyo"]},
    "another address": {"email": ["ben@example.org"]},
}


@pytest.mark.parametrize("otherwise", OTHERWISE)
def test_who_asks_for_something_else_at_once_gets_a_letter_for_that(client, engine, enough, form, otherwise):
    enough("ok")
    client.post("/subscribe", data=form)
    client.post("/subscribe", data={**form, **OTHERWISE[otherwise]})
    assert (len(letters(engine)), sign_ups(engine)) == (2, 2)


def test_who_found_no_letter_and_asks_again_after_a_minute_gets_one(
    client, engine, clock: Clock, enough, form
):
    enough("ok")
    client.post("/subscribe", data=form)
    clock.forward(seconds=59)
    client.post("/subscribe", data=form)
    assert due(engine) == [0]
    clock.forward(seconds=2)
    client.post("/subscribe", data=form)
    assert due(engine) == [0, 61]


@pytest.mark.parametrize(
    "become",
    [
        "UPDATE batches SET state = 'failed', ended_at = now()",
        "UPDATE deliveries SET state = 'bounced', state_at = now()",
        "UPDATE sign_ups SET refused_at = now()",
        "DELETE FROM sign_ups",
    ],
)
def test_where_the_first_came_to_nothing_the_second_counts(client, engine, enough, form, become):
    enough("ok")
    client.post("/subscribe", data=form)
    with engine.begin() as conn:
        conn.execute(text(become))
    client.post("/subscribe", data=form)
    assert letters(engine) == ["confirm", "confirm"]


def test_who_confirmed_and_stopped_everything_within_the_minute_can_come_back(
    client, engine, clock: Clock, service: Service, enough, form
):
    enough("ok")
    client.post("/subscribe", data=form)
    [asked] = query(engine, "SELECT public_id FROM sign_ups")
    client.post(f"/confirm/{service.confirm_links.token(asked.public_id, clock())}", data={"do": "confirm"})
    clock.forward(seconds=5)
    client.post("/subscribe", data={**form, "condition": ["Dry Eye"]})
    [person] = query(engine, "SELECT public_id FROM subscribers")
    clock.forward(seconds=5)
    client.post(f"/u/{service.links.token(person.public_id)}", data={"List-Unsubscribe": "One-Click"})
    clock.forward(seconds=5)
    client.post("/subscribe", data={**form, "condition": ["Dry Eye"]})
    assert letters(engine) == ["confirm"] * 3
