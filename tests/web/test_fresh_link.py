"""The same answer for known and unknown addresses, and as much work before it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from notifier.web.sign_up_pages import OPEN_TOO_LONG
from tests.web.conftest import ANNA, errors, fields, heading, letters, shown
from tests.web.test_sign_up import agreed

STRANGER = "aaron@example.org"
TOKEN = re.compile(r"[\w-]{20,}\.[\w-]{20,}")


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever happens after the answer is noted here, and not done."""
    asked: list[str] = []
    monkeypatch.setattr("notifier.web.fresh_link.send_links", lambda service, address: asked.append(address))
    return asked


def ask(client: TestClient, email: str) -> tuple[int, str, dict[str, str]]:
    form = fields(client.get("/manage").text)
    answer = client.post("/manage", data={**form, "email": email})
    return answer.status_code, TOKEN.sub("", answer.text), dict(answer.headers)


def test_whoever_is_known_gets_a_link_and_nobody_learns_who_is(client, engine, anna: UUID, wakes):
    known = ask(client, ANNA)
    assert (letters(engine), wakes) == (["manage_link"], ["letter"])
    assert ask(client, STRANGER) == known
    assert letters(engine) == ["manage_link"]
    assert "If we have updates for a•••@example.org, a link is on its way" in shown(known[1])


def test_before_the_answer_the_same_is_asked_of_the_database(client, engine, anna, in_order):
    with statements(engine) as for_known:
        ask(client, ANNA)
    with statements(engine) as for_unknown:
        ask(client, STRANGER)
    assert for_known == for_unknown
    assert in_order == [ANNA, STRANGER]


def test_a_sign_up_of_somebody_known_is_answered_and_worked_like_any_other(client, engine, anna):
    with statements(engine) as warm_up:
        client.post(
            "/subscribe", data={**agreed(client, "/subscribe?condition=Asthma"), "email": "x@example.org"}
        )
    answers, work = [], []
    for email in (ANNA, STRANGER):
        form = agreed(client, "/subscribe?condition=Asthma")
        with statements(engine) as seen:
            answer = client.post("/subscribe", data={**form, "email": email})
        answers.append((answer.status_code, TOKEN.sub("", answer.text)))
        work.append(seen)
    assert answers[0] == answers[1]
    assert work[0] == work[1]
    assert warm_up


def test_whoever_has_not_confirmed_yet_gets_that_link_again(client, engine, monkeypatch, service):
    client.post("/subscribe", data=agreed(client, "/subscribe?condition=Asthma"))
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "ok")
    ask(client, ANNA)
    assert letters(engine) == ["confirm", "confirm"]


def test_who_was_written_to_enough_gets_the_same_answer_and_no_mail(client, engine, anna):
    first = ask(client, ANNA)
    assert ask(client, ANNA) == first
    assert letters(engine) == ["manage_link"]


def test_an_address_that_cannot_be_is_named_and_kept(client: TestClient):
    form = fields(client.get("/manage").text)
    for typed in ("anna at example.org", "", "a\nb@example.org", "x" * 300 + "@example.org"):
        answer = client.post("/manage", data={**form, "email": typed})
        assert (answer.status_code, list(errors(answer.text))) == (422, ["email"])
        assert fields(answer.text)["email"] == [typed]


def test_a_form_of_another_sites_page_or_one_too_old_is_shown_filled_in(client, engine, anna, clock):
    form = {**fields(client.get("/manage").text), "email": [ANNA]}
    clock.forward(days=2)
    old = client.post("/manage", data=form)
    assert str(OPEN_TOO_LONG) in old.text
    for answer in (old, client.post("/manage", data={"email": ANNA})):
        assert (answer.status_code, fields(answer.text)["email"]) == (200, [ANNA])
    assert letters(engine) == []


@pytest.mark.parametrize(
    ("verdict", "status", "words"),
    [("network", 429, "Please wait a minute"), ("down", 503, "Something went wrong on our side")],
)
def test_what_asks_for_mail_is_limited_and_refused_while_limits_cannot_be_kept(
    client, app: FastAPI, engine, monkeypatch, service, verdict, status, words
):
    client.post("/subscribe", data=agreed(client, "/subscribe?condition=Asthma"))
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: verdict)
    answers = [
        client.post("/subscribe", data=agreed(client, "/subscribe?condition=Asthma")),
        client.post("/subscribe/embed", data=agreed(client, "/subscribe/embed?condition=Asthma")),
        client.post("/manage", data={**fields(client.get("/manage").text), "email": ANNA}),
    ]
    for answer in answers:
        assert (answer.status_code, heading(answer.text)) == (status, words)
        assert answer.headers["retry-after"] == "60"
    assert letters(engine) == ["confirm"]
