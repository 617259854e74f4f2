"""The dead man's ping to a watcher outside."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import structlog
from pydantic import SecretStr

from notifier.ops.ping import ping


@contextmanager
def watcher(status: int) -> Iterator[tuple[str, list[str]]]:
    heard: list[str] = []

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/a-secret-word", heard
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "was_heard"), [(200, True), (302, False), (500, False)])
def test_the_watcher_outside_hears_us(status: int, was_heard: bool):
    with watcher(status) as (url, heard):
        assert ping(SecretStr(url)) is was_heard
    assert heard == ["/a-secret-word"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/a-secret-word", "http://[::1/a-secret-word"])
def test_what_the_watcher_is_called_stays_out_of_the_log(url: str):
    with structlog.testing.capture_logs() as lines:
        assert ping(SecretStr(url)) is False
    assert lines
    assert "secret-word" not in str(lines)


def test_a_watcher_that_answers_by_the_byte_does_not_hold_the_queue(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("notifier.ops.ping.LONGEST_SECONDS", 0.5)
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        dripping = threading.Thread(target=_drip, args=(server, done))
        dripping.start()
        began = time.monotonic()
        assert ping(SecretStr(f"http://127.0.0.1:{server.getsockname()[1]}/")) is False
        took = time.monotonic() - began
        done.set()
        dripping.join()
    assert took < 5


def _drip(server: socket.socket, done: threading.Event) -> None:
    """A head that goes on for twenty seconds, a letter every tenth of one."""
    connection, _ = server.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 200 OK\r\nx-long: ")
        for _ in range(200):
            if done.wait(0.1):
                return
            connection.sendall(b"x")
