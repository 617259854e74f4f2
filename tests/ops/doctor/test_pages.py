"""The web process as the world sees it: the real one, and a proxy that spoils it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

import pytest
import redis
import uvicorn
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine

from notifier.db.migrate import upgrade
from notifier.embedded.home import free_port
from notifier.ops.doctor.asking import ask
from notifier.ops.doctor.round_trip import QUESTION, answer_if_asked
from notifier.web.app import create_app
from tests.ops.doctor.conftest import GOOD_KEY, Patient
from tests.waiting import wait_for

Answer = tuple[int, dict[str, str], bytes]
PAGE = {"cache-control": "no-store"}


@contextmanager
def proxy(answer: Callable[[str, str], Answer], patient: Patient) -> Iterator[str]:
    """Answers each (method, path) as it is told, and doctor's question with the patient's own settings."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
            if question := self.headers.get(QUESTION):
                answer_if_asked(patient.here.settings, patient.here.engine, question)
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _any

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()


def as_it_should_be(method: str, path: str) -> Answer:
    if path == "/healthz":
        return 200, {}, b'{"status":"ok"}'
    if path == "/readyz":
        return 200, {}, b'{"status":"ready","database":"ok","redis":"ok"}'
    return 200, PAGE, b"You are unsubscribed." if method == "POST" else b"A form."


@pytest.mark.parametrize(
    ("path", "method", "instead", "words"),
    [
        ("/healthz", "GET", (200, {}, b"<h1>Welcome to nginx</h1>"), "Somebody else answers"),
        ("/healthz", "GET", (502, {}, b""), "HTTP 502"),
        ("/u/", "GET", (400, PAGE, b""), "refuses links that are signed here"),
        ("/u/", "GET", (200, {**PAGE, "set-cookie": "a=b"}, b""), "changed on its way"),
        ("/u/", "GET", (200, {}, b""), "changed on its way"),
        ("/u/", "GET", (200, PAGE, b"You are unsubscribed."), "To look at an unsubscribe link takes it"),
        ("/u/", "POST", (301, {"location": "/"}, b""), "HTTP 301"),
        ("/u/", "POST", (403, {}, b""), "HTTP 403"),
        ("/readyz", "GET", (503, {}, b'{"status":"not ready","database":"unreachable"}'), "unreachable"),
    ],
)
def test_a_web_process_that_the_world_does_not_get_as_it_is(
    patient: Patient, path: str, method: str, instead: Answer, words: str
) -> None:
    def answer(asked: str, where: str) -> Answer:
        return instead if (asked, where.startswith(path)) == (method, True) else as_it_should_be(asked, where)

    with proxy(answer, patient) as url:
        patient.change(public_url=url)
        found = [one for one in patient.findings() if one.status == "fail"]
    assert [words in one.what for one in found] == [True]


def test_one_that_is_well(patient: Patient) -> None:
    with the_real_one(patient) as url:
        patient.change(public_url=url)
        assert [one for one in patient.findings() if one.status != "pass"] == []


@pytest.mark.parametrize(
    "other",
    [
        {"secret_keys": [SecretStr(GOOD_KEY[::-1])]},
        {"mail_provider": "smtp", "smtp_url": SecretStr("smtp://localhost:9")},
    ],
)
def test_a_web_process_with_other_settings_is_found_and_tells_them_to_nobody(
    patient: Patient, other: dict[str, Any]
) -> None:
    with the_real_one(patient, **other) as url:
        patient.change(public_url=url)
        found = patient.found("web-settings")
        assert (found.status, next(iter(other)).upper() in found.what) == ("fail", True)
        with redis.Redis.from_url(str(patient.here.settings.redis_url)) as client:
            ask(f"{url}/readyz", headers={QUESTION: str(uuid4())})
            assert client.keys("doctor:*") == [], "whoever cannot write into Redis is not answered"


def test_a_web_process_at_another_database(patient: Patient, empty_database_url: str) -> None:
    other = create_engine(empty_database_url)
    upgrade(other)
    with the_real_one(patient, other) as url:
        patient.change(public_url=url)
        assert "DATABASE_URL" in patient.found("web-settings").what
    other.dispose()


def test_a_web_process_that_wakes_workers_through_another_redis(patient: Patient) -> None:
    elsewhere = str(patient.here.settings.redis_url).rpartition("/")[0] + "/63"
    with the_real_one(patient, redis_url=elsewhere) as url:
        patient.change(public_url=url)
        found = patient.found("web-settings")
    assert (found.status, "REDIS_URL" in found.remedy) == ("fail", True)


@contextmanager
def the_real_one(patient: Patient, engine: Engine | None = None, **other: Any) -> Iterator[str]:
    """The web process itself, with settings of its own where `other` says so."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = patient.here.settings.model_copy(update={"public_url": url, **other})
    app = create_app(settings, engine or patient.here.engine, lambda _: None)
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started)
    try:
        yield url
    finally:
        server.should_exit = True
        thread.join(10)
