"""Who may open the operators' pages, and that nobody else can press their buttons."""

import base64
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from notifier.db.engine import make_engine
from notifier.settings import Settings
from tests.delivery.office import Office
from tests.web.conftest import heading
from tests.web.ops import SITE, TOKEN, Operator, delivery_to, open_office, open_operator, said

NAME, PASSWORD = "olga", "a-password-for-tests"
PAGES = ("", "/deliveries", "/failures", "/runs", "/suppressions", "/trace", "/audit", "/runs/pause?run=x")
LOGIN = {"ops_username": NAME, "ops_password": PASSWORD, "public_url": "https://updates.example.org"}
HERE = {"origin": SITE, "sec-fetch-site": "same-origin"}


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    return open_office(engine, settings)


@pytest.fixture
def operator(office: Office, engine: Engine, settings: Settings) -> Operator:
    return open_operator(engine, settings, office.clock)


def signed_in(engine: Engine, settings: Settings, office: Office) -> TestClient:
    client = open_operator(engine, settings, office.clock, **LOGIN).client
    client.headers["authorization"] = "Basic " + base64.b64encode(f"{NAME}:{PASSWORD}".encode()).decode()
    return client


def token_in(operator: Operator, path: str = "/sending/pause") -> str:
    found = TOKEN.search(operator.get(path))
    assert found
    return found[1]


def paused(office: Office) -> bool:
    return bool(office.sql("SELECT 1 FROM brakes"))


@pytest.mark.parametrize("path", PAGES)
def test_strangers_see_nothing(office: Office, engine: Engine, settings: Settings, path: str):
    answer = open_operator(engine, settings, office.clock, **LOGIN).client.get(f"/ops{path}")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Basic")
    assert heading(answer.text) == "The login is missing or wrong."
    assert "example.org" not in said(answer.text).replace("updates.example.org", "")


def test_a_wrong_login_is_logged_and_counted_without_what_was_typed(
    office: Office, engine: Engine, settings: Settings
):
    wrong = {"authorization": "Basic " + base64.b64encode(b"my-password:oops").decode()}
    with open_operator(engine, settings, office.clock, **LOGIN).client as client, capture_logs() as logs:
        for path, headers in (("/ops", wrong), ("/metrics", wrong), ("/ops", {})):
            assert client.get(path, headers=headers).status_code == 401
    found = [line for line in logs if line["event"] == "operator_login_refused"]
    assert found == [{"event": "operator_login_refused", "log_level": "warning"}] * 2
    assert office.sql("SELECT name, label, total FROM tallies") == [("operator_login", "wrong", 2)]


def test_without_a_login_they_are_closed_to_the_world(office: Office, engine: Engine, settings: Settings):
    client = open_operator(engine, settings, office.clock, public_url="https://updates.example.org").client
    assert client.get("/ops").status_code == 403


def test_a_name_that_was_made_to_point_here_reads_nothing(operator: Operator):
    """DNS rebinding: the browser believes that it speaks to evil.example."""
    answer = operator.client.get("/ops", headers={"host": "evil.example:8000"})
    assert answer.status_code == 403
    assert operator.client.get("/ops", headers={"host": "127.0.0.1:8000"}).status_code == 200
    assert operator.client.get("/ops", headers={"host": "[::1"}).status_code == 403


def test_whoever_signed_in_stands_in_the_audit_log(office: Office, engine: Engine, settings: Settings):
    client = signed_in(engine, settings, office)
    found = TOKEN.search(client.get("/ops/sending/pause").text)
    assert found
    client.post(
        "/ops/sending/pause",
        data={"token": found[1], "note": "a fire"},
        headers={"sec-fetch-site": "same-origin"},
    )
    assert office.sql("SELECT actor, note FROM operator_actions") == [(NAME, "a fire")]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://other.localhost:8000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ],
)
def test_a_form_of_another_site_does_nothing(operator: Operator, office: Office, headers: dict[str, str]):
    answer = operator.client.post(
        "/ops/sending/pause", data={"token": token_in(operator), "note": "evil"}, headers=headers
    )
    assert (answer.status_code, paused(office)) == (403, False)
    assert "Nothing was done" in answer.text


@pytest.mark.parametrize("token", ["", "x", "a" * 5000, "W10.nothing", "é"])
def test_a_form_without_our_token_does_nothing(operator: Operator, office: Office, token: str):
    answer = operator.client.post("/ops/sending/pause", data={"token": token, "note": "evil"}, headers=HERE)
    assert (answer.status_code, paused(office)) == (403, False)


def test_a_form_that_lay_open_for_a_day_does_nothing(operator: Operator, office: Office):
    token = token_in(operator)
    office.clock.now = office.clock().replace(hour=23, minute=59)
    answer = operator.client.post("/ops/sending/pause", data={"token": token, "note": "late"}, headers=HERE)
    assert paused(office)
    office.sql("DELETE FROM brakes")
    office.clock.now = office.clock().replace(day=office.clock().day + 1)
    answer = operator.client.post("/ops/sending/pause", data={"token": token, "note": "late"}, headers=HERE)
    assert (answer.status_code, paused(office)) == (403, False)
    assert "too old" in answer.text


def test_a_token_of_one_operator_is_none_of_another(operator: Operator, office: Office, engine, settings):
    token = token_in(operator)
    answer = signed_in(engine, settings, office).post(
        "/ops/sending/pause", data={"token": token, "note": "x"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert (answer.status_code, paused(office)) == (403, False)


def test_looking_changes_nothing(operator: Operator, office: Office):
    delivery = delivery_to(office, "anna")
    tables = "batches, deliveries, brakes, runs, suppressions, operator_actions"
    count = " UNION ALL ".join(
        f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {one} t" for one in tables.split(", ")
    )
    before = office.sql(count)
    for path in (
        *PAGES,
        f"/deliveries/{delivery}",
        f"/deliveries/{delivery}/mail",
        f"/deliveries/{delivery}/drop",
    ):
        operator.client.get(f"/ops{path}")
        operator.client.head(f"/ops{path}")
    assert office.sql(count) == before


def test_nothing_runs_and_nothing_is_kept(operator: Operator, office: Office):
    for path in (*PAGES, f"/deliveries/{delivery_to(office, 'anna')}"):
        answer = operator.client.get(f"/ops{path}")
        (policy,) = answer.headers.get_list("content-security-policy")
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "<script" not in answer.text
        assert ' style="' not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert "noindex" in answer.headers["x-robots-tag"]


def test_only_pages_without_a_form_load_themselves_anew_and_they_can_be_kept_still(
    operator: Operator, office: Office
):
    for path in (*PAGES, f"/deliveries/{delivery_to(office, 'anna')}"):
        answer = operator.client.get(f"/ops{path}")
        assert ("refresh" in answer.headers) == (path in ("", "/runs"))
        assert "refresh" not in answer.headers or "<form" not in answer.text
    assert "refresh" not in operator.client.get("/ops", params={"still": "1"}).headers


def test_while_the_database_is_away_the_page_says_so(operator: Operator, engine: Engine):
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE batches RENAME TO gone"))
    answer = operator.client.get("/ops")
    assert answer.status_code == 503
    assert heading(answer.text) == "The database cannot be used."
    assert "gone" not in answer.text
    assert answer.headers["refresh"] == "30", "or a screen on the wall would say so for ever"
    assert "refresh" not in operator.client.get("/ops", params={"still": "1"}).headers
    assert "refresh" not in operator.client.get("/ops/failures").headers


def test_what_takes_too_long_is_given_up(operator: Operator, engine: Engine, monkeypatch: pytest.MonkeyPatch):
    def slow(conn: object, *_: object, **__: object) -> None:
        conn.execute(text("SET LOCAL statement_timeout = 20; SELECT pg_sleep(5)"))  # type: ignore[attr-defined]

    monkeypatch.setattr("notifier.web.ops_deliveries.list_deliveries", slow)
    answer = operator.client.get("/ops/deliveries")
    assert answer.status_code == 503
    assert heading(answer.text) == "This takes too long to look up."
    assert "says nothing about the mail" in answer.text


def test_what_somebody_else_holds_is_not_done_and_the_database_is_not_blamed(
    office: Office, database_url: str, settings: Settings, engine: Engine
):
    impatient = make_engine(database_url, lock_timeout=timedelta(milliseconds=50))
    operator = open_operator(impatient, settings, office.clock)
    ((key,),) = office.sql("SELECT key FROM runs")
    with engine.begin() as conn:
        conn.execute(text("SELECT 1 FROM runs FOR UPDATE"))
        page = operator.post(f"/runs/pause?run={key}", status=503, run=str(key), note="a wrong card")
    impatient.dispose()
    assert heading(page) == "Nothing was done: something else holds what it is about."
    assert office.sql("SELECT paused_at FROM runs") == [(None,)]


def test_all_its_words_stay_out_of_the_catalogue():
    folder = Path(__file__).parents[2] / "templates" / "pages" / "ops"
    assert not [
        file.name
        for file in folder.glob("*.html")
        if "_(" in file.read_text("utf-8").replace("query_of(", "")
    ]
