import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.delivery.providers.http_answer import read_answer
from notifier.delivery.providers.sendgrid import SendGridProvider
from tests.fakes.batches import NOW, SENDER, make_batch


def read(raw: bytes, seconds: float = 5.0):
    """What is made of these bytes, after which the server hangs up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(raw)
        theirs.shutdown(socket.SHUT_WR)
        return read_answer(ours, seconds)


@pytest.mark.parametrize(
    ("raw", "status", "body", "keep"),
    [
        (b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, b"", True),
        (b"HTTP/1.1 400 \r\ncontent-length:2\r\n\r\n{}", 400, b"{}", True),
        (b"HTTP/1.1 400\r\nContent-Length: 2\r\n\r\n{}", 400, b"{}", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b"", True),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n", 202, b"", True),
        (b"HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n",
         500, b"abcde", True),
        (b"HTTP/1.1 502 E\r\n\r\nto the end", 502, b"to the end", False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, b"x", False),
        (b"HTTP/1.1 202 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", 202, b"", False),
        (b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 OK", 202, b"", False),
    ],
)  # fmt: skip
def test_an_answer_is_read_whatever_way_its_end_is_said(raw, status, body, keep):
    answer = read(raw)
    assert (answer.status, answer.body, answer.keep) == (status, body, keep)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"HTTP/1.1 202", b"SMTP ready\r\n\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 202 OK\r\nContent-Length: 5\r\n\r\nab", b"HTTP/1.1 202 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 202 OK\r\nContent-Length: 99999999999\r\n\r\n", b"HTTP/1.1 202 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 500 E\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", b"x" * 70_000,
    ],
)  # fmt: skip
def test_what_is_no_whole_answer_is_no_answer(raw):
    with pytest.raises((OSError, ValueError)):
        read(raw)


@given(st.binary(max_size=300))
def test_nothing_that_is_sent_makes_another_error(noise):
    for raw in (
        noise,
        b"HTTP/1.1 200 OK\r\n" + noise,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + noise,
    ):
        try:
            read(raw)
        except (OSError, ValueError):
            continue


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for_beyond_the_limit():
    ours, theirs = socket.socketpair()
    stop = threading.Event()

    def drip():
        while not stop.wait(0.01):
            theirs.send(b"x")

    with ours, theirs:
        thread = threading.Thread(target=drip)
        thread.start()
        try:
            with pytest.raises(TimeoutError):
                read_answer(ours, 0.1)
        finally:
            stop.set()
            thread.join()


def test_a_kept_connection_that_the_server_closed_is_replaced_and_nothing_is_in_doubt():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = threading.Event()
        threading.Thread(target=_answer_once_each, args=(listener, closed), daemon=True).start()
        provider = SendGridProvider(f"http://127.0.0.1:{listener.getsockname()[1]}", "SG.key", SENDER)
        kinds = []
        for _ in range(3):
            kinds.append(provider.send(make_batch("ana@example.org"), NOW).kind)
            closed.wait(5)
            closed.clear()
        provider.close()
    assert kinds == ["accepted"] * 3


def _answer_once_each(listener, closed):
    for _ in range(3):
        line, _ = listener.accept()
        line.recv(1_000_000)
        line.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        line.close()
        time.sleep(0)
        closed.set()
