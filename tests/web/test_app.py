from fastapi import FastAPI
from sqlalchemy import Engine, create_engine, text
from starlette.testclient import TestClient

from notifier.settings import Settings
from notifier.web.app import create_app
from notifier.web.serve import listen_host

ADDRESSES = [
    "/",
    "/u/x",
    "/healthz",
    "/readyz",
    "/v1/conditions?q=a",
    "/v1/studies",
    "/nowhere",
    "/v1/nowhere",
]


def test_every_answer_keeps_itself_out_of_caches_search_engines_frames_and_scripts(client: TestClient):
    for address in ADDRESSES:
        headers = client.get(address).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        for part in ("form-action 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            assert part in policy
        assert "script" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex, nofollow"
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers


def test_nothing_is_loaded_from_elsewhere_and_no_script_is_on_any_page(client: TestClient, path: str):
    for address in ("/", path, "/u/x"):
        html = client.get(address).text
        assert "<script" not in html
        assert "http" not in html.replace("http-equiv", "")
        assert ' style="' not in html


def test_a_wrong_address_gets_a_page_or_json_as_fits(client: TestClient):
    page, json = client.get("/nowhere"), client.get("/v1/nowhere")
    assert (page.status_code, json.status_code) == (404, 404)
    assert "There is no page here" in page.text
    assert json.json()["remedy"] == "See /v1/openapi.json for what there is."


def test_alive_and_ready(client: TestClient):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert (client.get("/readyz").status_code, client.get("/readyz").json()) == (
        200,
        {"status": "ready", "database": "ok", "redis": "ok"},
    )


def test_ready_without_redis_as_mail_can_wait_but_people_cannot(web_settings: Settings, engine: Engine):
    settings = Settings(
        _env_file=None,
        **{**web_settings.model_dump(exclude_unset=True), "redis_url": "redis://127.0.0.1:1/0"},
    )
    answer = TestClient(create_app(settings, engine, print)).get("/readyz")
    assert (answer.status_code, answer.json()["redis"]) == (200, "unreachable")


def test_not_ready_without_a_database_and_before_it_is_up_to_date(web_settings, engine, empty_database_url):
    nowhere = create_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
    for unready, why in ((nowhere, "unreachable"), (create_engine(empty_database_url), "not up to date")):
        client = TestClient(create_app(web_settings, unready, print))
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (503, why)
        unready.dispose()


def test_an_error_nobody_expected_is_a_calm_page_and_its_values_stay_out_of_the_log(
    client, path, monkeypatch, log_lines
):
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("anna@example.org")

    monkeypatch.setattr("notifier.web.unsubscribe.stop_person", fail)
    answer = client.post(path, data={"stop": "all"})
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert "anna" not in answer.text + str(log_lines)
    assert [line["error"] for line in log_lines if line["event"] == "request_failed"] == ["RuntimeError"]


def test_a_database_that_is_being_set_up_is_our_fault_and_not_the_readers(client, engine, path):
    with engine.begin() as conn:
        conn.execute(text("ALTER TABLE subscribers RENAME TO elsewhere"))
    assert client.get(path).status_code == 503


def test_other_machines_reach_it_only_when_the_public_url_is_meant_for_them():
    assert listen_host(Settings(_env_file=None)) == "127.0.0.1"
    assert listen_host(Settings(_env_file=None, public_url="https://updates.example.org")) == "0.0.0.0"


def test_the_api_describes_itself_and_nothing_else(client: TestClient, app: FastAPI):
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert sorted(paths) == [
        "/healthz",
        "/readyz",
        "/v1/conditions",
        "/v1/events",
        "/v1/studies",
        "/v1/subscriptions",
        "/v1/subscriptions/choices",
    ]
    assert paths["/v1/studies"]["put"]["security"] == [{"HTTPBearer": []}]
    assert "security" not in paths["/v1/conditions"]["get"]
