"""Answers as servers and proxies write them, and as they should not."""

import socket
import threading

import pytest

from notifier.delivery.providers import http_line
from notifier.delivery.providers.http_line import BadAnswer, Line
from notifier.delivery.providers.sendgrid_http import KeptConnections, NoAnswer


@pytest.fixture
def ask():
    """Give the bytes of an answer, get what is made of them. The server then closes."""

    def ask(answer):
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=serve, args=(listener, answer), daemon=True).start()
            line = Line("127.0.0.1", listener.getsockname()[1], None, connect_s=5, wait_s=5)
            try:
                line.write(b"GET / HTTP/1.1\r\n\r\n")
                return line.read()
            finally:
                line.close()

    return ask


def serve(listener, answer):
    line, _ = listener.accept()
    with line:
        line.recv(65536)
        line.sendall(answer)


def test_an_answer_with_its_length(ask):
    answer = ask(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\nX-Message-Id:  abc \r\n\r\n{a}")
    assert (answer.status, answer.body, answer.headers["x-message-id"]) == (400, b"{a}", "abc")
    assert not answer.is_last


def test_an_answer_in_chunks(ask):
    answer = ask(
        b"HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\n{a\r\n1\r\n}\r\n0\r\nLate: yes\r\n\r\n"
    )
    assert (answer.body, answer.is_last) == (b"{a}", False)


def test_an_answer_that_ends_with_the_connection(ask):
    answer = ask(b"HTTP/1.1 500 Oh\r\n\r\nsorry")
    assert (answer.body, answer.is_last) == (b"sorry", True)


def test_words_in_between_are_no_answer(ask):
    answer = ask(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
    assert answer.status == 202


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 Accepted\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nbut some all the same",
    ],
)
def test_no_second_call_goes_over_a_connection_that_ends_or_says_more_than_was_asked(ask, answer):
    assert ask(answer).is_last


def test_a_body_without_end_is_cut(ask, monkeypatch):
    monkeypatch.setattr(http_line, "MOST_BODY_BYTES", 4)
    for head in (b"Content-Length: 9", b"Transfer-Encoding: chunked", b"X: y"):
        body = b"9\r\n" if b"chunked" in head else b""
        answer = ask(b"HTTP/1.1 500 Oh\r\n" + head + b"\r\n\r\n" + body + b"123456789")
        assert (answer.body, answer.is_last) == (b"1234", True)


BROKEN = [
    b"",
    b"HTTP/1.1 202 Accep",
    b"HTTP/1.1 202 Accepted\r\nContent-Len",
    b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n12",
    b"HTTP/1.1 202 Accepted\r\nContent-Length: -5\r\n\r\n12",
    b"HTTP/1.1 202 Accepted\r\nContent-Length: many\r\n\r\n12",
    b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12",
    b"HTTP/1.1 what\r\n\r\n",
    b"SSH-2.0-sshd\r\n",
    b"HTTP/1.1 202 Accepted\r\n" + b"A: b\r\n" * 300,
    b"x" * 200_000,
]


@pytest.mark.parametrize("answer", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_answer_is_refused(ask, answer):
    with pytest.raises((BadAnswer, OSError)):
        ask(answer)


def test_after_a_broken_answer_the_call_may_have_had_an_effect():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, args=(listener, b"SSH-2.0-sshd\r\n"), daemon=True).start()
        calls = KeptConnections(f"http://127.0.0.1:{listener.getsockname()[1]}", {})
        with pytest.raises(NoAnswer) as no:
            calls.post("/", b"{}")
    assert no.value.written
