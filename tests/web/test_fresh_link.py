"""The same answer for known and unknown addresses, and as much work before it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event
from starlette.testclient import TestClient

from notifier.delivery.links_asked import post_links
from notifier.web.sign_up_pages import OPEN_TOO_LONG
from tests.web.conftest import ANNA, Clock, errors, fields, heading, letters, query, shown
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


def ask(client: TestClient, email: str) -> tuple[int, str, dict[str, str]]:
    form = fields(client.get("/manage").text)
    answer = client.post("/manage", data={**form, "email": email})
    return answer.status_code, TOKEN.sub("", answer.text), dict(answer.headers)


def posted(engine: Engine) -> list[str]:
    """The letters, once a worker has looked who asked."""
    post_links(engine)
    assert query(engine, "SELECT 1 FROM link_requests") == []
    return letters(engine)


def test_whoever_is_known_gets_a_link_and_nobody_learns_who_is(client, engine, anna: UUID, wakes):
    known = ask(client, ANNA)
    assert (posted(engine), wakes) == (["manage_link"], ["letter"])
    assert ask(client, STRANGER) == known
    assert posted(engine) == ["manage_link"]
    assert "If we have updates for a•••@example.org, a link is on its way" in shown(known[1])


def test_until_a_worker_looks_the_same_is_done_for_everybody(client, engine, anna):
    with statements(engine) as for_known:
        ask(client, ANNA)
    with statements(engine) as for_unknown:
        ask(client, STRANGER)
    assert for_known == for_unknown
    assert len(query(engine, "SELECT 1 FROM link_requests")) == 2


def test_who_asked_while_no_worker_ran_gets_a_link_that_is_dated_by_when_they_asked(
    client, engine, clock, anna
):
    asked_at = clock()
    ask(client, ANNA)
    clock.forward(hours=3)
    assert posted(engine) == ["manage_link"]
    assert query(engine, "SELECT created_at FROM batches")[0].created_at == asked_at


@pytest.mark.parametrize("verdicts", [("ok", "address"), ("address", "ok")])
def test_a_double_click_is_one_link_in_whatever_order_it_arrives(client, engine, anna, verdicts, monkeypatch):
    for verdict in verdicts:
        monkeypatch.setattr("notifier.web.limits.Limits.allow_mail_to", lambda *_, verdict=verdict: verdict)
        ask(client, ANNA)
    assert posted(engine) == ["manage_link"]


def test_who_was_counted_and_not_heard_as_we_died_gets_a_link_at_the_second_try(
    client, engine, clock: Clock, anna, monkeypatch
):
    monkeypatch.setattr("notifier.web.limits.Limits.allow_mail_to", lambda *_: "address")
    for minute in range(6):
        ask(client, ANNA)
        assert posted(engine) == ["manage_link"] * min(minute + 1, 4)  # and no more in a day
        clock.forward(minutes=2)


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


def test_whoever_has_not_confirmed_yet_gets_that_link_again(client, engine, clock, monkeypatch, service):
    client.post("/subscribe", data=agreed(client, "/subscribe?condition=Asthma"))
    monkeypatch.setattr(type(service.limits), "allow_mail_to", lambda *_: "ok")
    clock.forward(minutes=2)
    ask(client, ANNA)
    assert posted(engine) == ["confirm", "confirm"]


def test_who_was_written_to_enough_gets_the_same_answer_and_no_mail(client, engine, anna):
    first = ask(client, ANNA)
    assert ask(client, ANNA) == first
    assert posted(engine) == ["manage_link"]


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
    assert posted(engine) == []


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
    assert posted(engine) == ["confirm"]
