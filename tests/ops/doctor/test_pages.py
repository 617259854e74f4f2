"""The web process as the world sees it: the real one, and a proxy that spoils it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.ops.doctor.conftest import Patient

Answer = tuple[int, dict[str, str], bytes]
PAGE = {"cache-control": "no-store"}


@contextmanager
def proxy(answer: Callable[[str, str], Answer]) -> Iterator[str]:
    """Answers each (method, path) as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", "0")))
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

    with proxy(answer) as url:
        patient.change(public_url=url)
        found = [one for one in patient.findings() if one.status == "fail"]
    assert [words in one.what for one in found] == [True]


def test_one_that_is_well(patient: Patient) -> None:
    with proxy(as_it_should_be) as url:
        patient.change(public_url=url)
        assert [one for one in patient.findings() if one.status != "pass"] == []
