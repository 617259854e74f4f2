from uuid import UUID, uuid4

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser
from sqlalchemy import Engine, create_engine, text
from starlette.testclient import TestClient

from notifier.links.keys import signing_keys
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web.app import create_app
from tests.web.conftest import CONDITION, state

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BUTTON = {"stop": "all"}
ACTIVE, STOPPED = ("active", 1), ("stopped", 0)


def heading(html: str) -> str:
    found = LexborHTMLParser(html).css("h1")
    assert len(found) == 1
    return found[0].text()


def test_opening_the_link_shows_one_button_and_changes_nothing(client: TestClient, engine: Engine, path: str):
    for _ in range(3):
        answer = client.get(path)
        assert answer.status_code == 200
        assert heading(answer.text) == "Stop these emails?"
        assert len(LexborHTMLParser(answer.text).css("button")) == 1
    assert client.head(path).status_code == 200
    assert client.head(path).content == b""
    assert state(engine) == ACTIVE


def test_the_page_shows_neither_the_whole_address_nor_the_condition(client: TestClient, path: str):
    html = client.get(path).text
    assert "a•••@example.org" in html
    assert "anna" not in html
    assert CONDITION not in html


def test_the_button_stops_all_and_says_so(client: TestClient, engine: Engine, path: str):
    form = LexborHTMLParser(client.get(path).text).css_first("form")
    assert form.attributes["method"] == "post"
    assert "action" not in form.attributes
    fields = {field.attributes["name"]: field.attributes["value"] for field in form.css("input")}
    answer = client.post(path, data=fields)
    assert (answer.status_code, heading(answer.text)) == (200, "You will not get these emails any more")
    assert state(engine) == STOPPED


@pytest.mark.parametrize(
    "request_body",
    [
        {"data": ONE_CLICK},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": "List-Unsubscribe=One-Click"},
        {"content": "List-Unsubscribe=One-Click\r\n", "headers": {"content-type": "text/plain"}},
    ],
    ids=["urlencoded", "multipart", "without a content type", "with a line break"],
)
def test_one_click_acts_at_once_and_answers_in_a_few_words(client, engine, path, request_body):
    answer = client.post(path, **request_body)
    assert answer.status_code == 200
    assert len(answer.content) < 100
    assert "set-cookie" not in answer.headers
    assert state(engine) == STOPPED


def test_a_repeat_is_answered_with_200(client: TestClient, engine: Engine, path: str):
    client.post(path, data=ONE_CLICK)
    assert client.post(path, data=ONE_CLICK).status_code == 200
    for answer in (client.post(path, data=BUTTON), client.get(path)):
        assert (answer.status_code, heading(answer.text)) == (200, "You already stopped these emails")
    assert state(engine) == STOPPED


def test_somebody_erased_or_never_known_is_answered_with_200(client: TestClient, links: UnsubscribeLinks):
    path = f"/u/{links.token(uuid4())}"
    assert client.post(path, data=ONE_CLICK).status_code == 200
    assert heading(client.get(path).text) == "These updates have ended"
    assert heading(client.post(path, data=BUTTON).text) == "These updates have ended"


NO_FORMS = (
    {},
    {"data": {"List-Unsubscribe": "no"}},
    {"data": {"stop": "one"}},
    {"content": b"\xff\x00&&&===", "headers": {"content-type": "application/x-www-form-urlencoded"}},
    {"content": b"broken", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    {"content": b"broken", "headers": {"content-type": "multipart/form-data"}},
    {"content": "a=1&" * 500},
    {"files": {"List-Unsubscribe": ("file.txt", b"One-Click")}},
)


def test_a_post_that_does_not_say_what_it_wants_changes_nothing(
    client: TestClient, engine: Engine, path: str
):
    for no_form in NO_FORMS:
        answer = client.post(path, **no_form)
        assert (answer.status_code, heading(answer.text)) == (400, "Stop these emails?")
    assert state(engine) == ACTIVE


def test_a_cut_off_link_gets_a_page_that_helps(client: TestClient, engine: Engine, path: str):
    for bad in (
        path[:-5],
        "/u/",
        "/u/x",
        "/u/" + "x" * 5000,
        "/u/%00%ff",
        "/u/%2e%2e/etc/passwd",
        path[:20] + "é",
    ):
        for answer in (client.get(bad), client.post(bad, data=ONE_CLICK)):
            assert (answer.status_code, heading(answer.text)) == (400, "This link does not work")
            assert "help@example.org" in answer.text
    assert state(engine) == ACTIVE


def test_what_a_mail_app_glues_to_the_link_does_no_harm_and_never_redirects(client, engine, path):
    for glued_on in ("/", ".", ")", ">", ".)"):
        assert client.get(path + glued_on).status_code == 200
    assert client.post(path + "/", data=ONE_CLICK).status_code == 200
    assert state(engine) == STOPPED


def test_links_of_an_older_key_still_work(engine: Engine, web_settings: Settings, anna: UUID, path: str):
    keys = [
        *(key.get_secret_value() for key in web_settings.secret_keys),
        "a-new-key-0123456789abcdef-0123456",
    ]
    rotated = Settings(_env_file=None, **{**web_settings.model_dump(exclude_unset=True), "secret_keys": keys})
    with TestClient(create_app(rotated, engine, print)) as client:
        assert client.post(path, data=ONE_CLICK).status_code == 200
    assert state(engine) == STOPPED


def test_it_works_without_redis_and_never_wakes_anybody(client, engine, path, wakes, monkeypatch):
    monkeypatch.setattr("redis.Redis.from_url", None)
    assert client.post(path, data=ONE_CLICK).status_code == 200
    assert state(engine) == STOPPED
    assert wakes == []


def test_without_a_database_the_page_says_that_nothing_changed_and_whom_to_write_to(web_settings, path):
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with TestClient(create_app(web_settings, nowhere, print)) as client:
        answers = [client.get(path), client.post(path, data=ONE_CLICK), client.post(path, data=BUTTON)]
    for answer in answers:
        assert (answer.status_code, heading(answer.text)) == (503, "Something went wrong on our side")
        assert "Nothing was changed" in answer.text
        assert "mailto:help@example.org" in answer.text
        assert int(answer.headers["retry-after"]) > 0
        assert "Traceback" not in answer.text


def test_a_body_that_is_too_large_is_refused_whether_announced_or_not(client, engine, path):
    assert client.post(path, content=b"x" * 100_000).status_code == 413
    pieces = (b"x" * 10_000 for _ in range(10))
    answer = client.post(path, content=pieces)
    assert (answer.status_code, heading(answer.text)) == (413, "That was too much at once")
    assert state(engine) == ACTIVE


def test_other_methods_are_refused_and_change_nothing(client: TestClient, engine: Engine, path: str):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, path).status_code == 405
    assert state(engine) == ACTIVE


def test_a_link_of_nobody_is_taken_and_leaves_no_line_of_somebody_who_stopped(
    client: TestClient, web_settings: Settings, log_lines
):
    """`notifier doctor` posts to one at each run; an erased person's old mail has one."""
    nobodys = UnsubscribeLinks(signing_keys(web_settings), "").url(uuid4())
    assert client.post(nobodys, data=ONE_CLICK).status_code == 200
    assert "request" in [line["event"] for line in log_lines]
    assert "unsubscribed" not in [line["event"] for line in log_lines]


def test_neither_the_token_nor_the_address_is_logged(client: TestClient, path: str, log_lines):
    client.get(path)
    client.post(path, data=ONE_CLICK)
    client.get("/u/broken-token")
    assert [line["route"] for line in log_lines if line["event"] == "request"] == ["/u/{token:path}"] * 3
    assert path[3:] not in str(log_lines)
    assert "broken-token" not in str(log_lines)
    assert "anna" not in str(log_lines)


@how(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(token=st.text(max_size=300), body=st.binary(max_size=300), kind=st.text("ab/;=-mx", max_size=30))
def test_no_token_and_no_body_makes_an_error_of_ours(app: FastAPI, token: str, body: bytes, kind: str):
    client = TestClient(app)
    target = client.build_request("POST", "http://testserver/u/").url.copy_with(
        raw_path=b"/u/" + "".join(f"%{byte:02x}" for byte in token.encode("utf-8", "replace")).encode()
    )
    answer = client.post(target, content=body, headers={"content-type": f"multipart/{kind}"})
    assert {client.get(target).status_code, answer.status_code} <= {400, 404}  # 404: with a line break


def test_the_person_and_all_subscriptions_end_with_the_reason(client: TestClient, engine: Engine, path: str):
    client.post(path, data=ONE_CLICK)
    with engine.connect() as conn:
        assert conn.execute(text("SELECT ended_reason FROM subscriptions")).scalars().all() == ["one_click"]
