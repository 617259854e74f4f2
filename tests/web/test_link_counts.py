"""What is counted about the links of our mails, and what is not worth anybody's night."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, text
from starlette.testclient import TestClient
from starlette.types import Message

from notifier.ops.tallies import tallies
from notifier.web import link_counts
from notifier.web.app import create_app
from tests.waiting import wait_for
from tests.web.conftest import Clock


@pytest.fixture
def counted(engine: Engine) -> Callable[[], dict[tuple[str, str], int]]:
    def read() -> dict[tuple[str, str], int]:
        with engine.connect() as conn:
            return {name: tally.total for name, tally in tallies(conn).items()}

    return read


@contextmanager
def away(engine: Engine, table: str) -> Iterator[None]:
    """No statement about this table succeeds."""
    _rename(engine, table, "away")
    try:
        yield
    finally:
        _rename(engine, "away", table)


def _rename(engine: Engine, old: str, new: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_an_unsubscribe_that_fails_is_counted(client: TestClient, engine: Engine, path: str, counted):
    with away(engine, "subscribers"), client:
        assert client.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 503
    assert counted() == {("unsubscribe", "failed"): 1}


def test_what_could_not_be_written_is_written_once_the_database_is_back(
    web_settings, engine: Engine, clock: Clock, monkeypatch: pytest.MonkeyPatch, path: str, counted
):
    """Nobody comes by again in the meantime."""
    monkeypatch.setattr(link_counts.LinkCounts.__init__, "__defaults__", (0.05, clock))
    tries: list[None] = []
    flush = link_counts.Tallies.flush

    def noted(self: Any, engine: Engine, **more: Any) -> None:
        flush(self, engine, **more)
        tries.append(None)

    monkeypatch.setattr(link_counts.Tallies, "flush", noted)
    with TestClient(create_app(web_settings, engine, print, clock=clock)) as client:
        with away(engine, "tallies"), away_too(engine):
            client.post(path, data={"List-Unsubscribe": "One-Click"})
            wait_for(lambda: len(tries) >= 2)
        wait_for(lambda: bool(counted()))
        assert counted() == {("unsubscribe", "failed"): 1}


@contextmanager
def away_too(engine: Engine) -> Iterator[None]:
    _rename(engine, "subscribers", "gone")
    try:
        yield
    finally:
        _rename(engine, "gone", "subscribers")


@pytest.mark.parametrize("path", ["/u", "/u/", "/manage", "/confirm/", "/u-boat/x"])
def test_an_address_without_a_token_says_nothing_about_our_links(client: TestClient, path: str, counted):
    with client:
        client.get(path)
    assert counted() == {}


def test_neither_do_a_wrong_method_and_a_body_that_is_too_large(client: TestClient, path: str, counted):
    with client:
        assert client.put(path).status_code == 405
        assert client.post(path, content=b"x" * (65 << 10)).status_code == 413
    assert counted() == {}


def test_a_program_that_looks_at_the_link_is_counted_as_a_reader(client: TestClient, path: str, counted):
    with client:
        assert client.head(path).status_code == 200
        assert client.get("/u/no-token").status_code == 400
    assert counted() == {("unsubscribe", "accepted"): 1, ("unsubscribe", "rejected"): 1}


async def _leave_in_the_middle(app: FastAPI, path: str) -> int:
    """Half a body, and then nobody is there; the status that is noted."""
    messages: Iterator[Mapping[str, Any]] = iter(
        [{"type": "http.request", "body": b"List-Unsub", "more_body": True}, {"type": "http.disconnect"}]
    )
    answers: list[Message] = []

    async def receive() -> Message:
        return dict(next(messages))

    async def send(message: Message) -> None:
        answers.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", b"26")],
        "server": ("localhost", 8000),
        "client": ("127.0.0.1", 1),
    }
    await app(scope, receive, send)
    return int(answers[0]["status"])


@pytest.mark.parametrize("where", ["/u/some-token", "/confirm/some-token", "/webhooks/sendgrid"])
def test_who_leaves_in_the_middle_of_a_request_wakes_no_operator(
    app: FastAPI, log_lines, where: str, counted
):
    assert asyncio.run(_leave_in_the_middle(app, where)) == 499
    assert [line["log_level"] for line in log_lines] == ["info", "info"], "that they left, and the request"
    assert counted() == {}
