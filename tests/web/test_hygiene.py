"""What holds for every page of a subscriber."""

from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given
from hypothesis import settings as how
from hypothesis import strategies as st
from sqlalchemy import Engine
from starlette.testclient import TestClient

from notifier.settings import Settings
from notifier.web.app import create_app
from notifier.web.service import Service
from tests.web.conftest import SITE, query
from tests.web.test_sign_up import agreed

PAGES = (
    "/subscribe",
    "/subscribe?condition=Asthma",
    "/subscribe/embed?condition=Asthma",
    "/manage",
    "/confirm/x",
)


@pytest.fixture
def addresses(service: Service, ben: UUID, client: TestClient, engine: Engine) -> list[str]:
    """One of each page, with every kind of link."""
    client.post("/subscribe", data=agreed(client, "/subscribe?condition=Asthma"))
    signed_up = query(engine, "SELECT public_id FROM sign_ups")[0].public_id
    item = service.items.token(query(engine, "SELECT id FROM targets WHERE key = 'asthma'")[0].id)
    stop = f"/u/{service.links.token(ben)}"
    manage = f"/manage/{service.manage_links.token(ben, service.clock())}"
    confirm = f"/confirm/{service.confirm_links.token(signed_up, service.clock())}"
    own = (
        stop,
        f"{stop}/{item}",
        f"{stop}/often",
        manage,
        f"{manage}?ask=stop",
        f"{manage}?ask=delete",
        confirm,
    )
    return [*PAGES, *own]


def test_no_page_has_a_script_a_style_of_its_own_a_cookie_or_anything_from_elsewhere(client, addresses):
    for address in addresses:
        answer = client.get(address)
        for unwanted in ("<script", " style=", " src=", "<img", "<iframe", "@import", "url(", " onclick"):
            assert unwanted not in answer.text, (address, unwanted)
        assert "set-cookie" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"] or "embed" in address


def test_head_is_answered_wherever_get_is_without_a_body(client, addresses):
    for address in (*addresses, "/healthz", "/readyz", "/v1/conditions?q=a", "/v1/openapi.json", "/nowhere"):
        get, head = client.get(address), client.head(address)
        assert (head.status_code, head.content) == (get.status_code, b""), address
    assert query_changes(client) == []


def query_changes(client: TestClient) -> list[object]:
    return query(client.app.state.service.engine, "SELECT 1 FROM subscription_changes")


def test_only_the_sites_pages_may_frame_the_form_and_nothing_else_of_ours(
    client, web_settings: Settings, engine: Engine
):
    form = agreed(client, "/subscribe/embed?condition=Asthma")
    for answer in (
        client.get("/subscribe/embed?condition=Asthma"),
        client.post("/subscribe/embed", data={}),
        client.post("/subscribe/embed", data=form),
    ):
        policy = answer.headers["content-security-policy"]
        assert f"frame-ancestors {SITE};" in policy
        assert "form-action 'self'" in policy
        assert 'action="/subscribe/embed"' in answer.text
        assert 'action="/subscribe"' not in answer.text
        assert "<header" not in answer.text
    assert query(engine, "SELECT source FROM sign_ups")[0].source == "embed"
    closed = Settings(_env_file=None, **{**web_settings.model_dump(exclude_unset=True), "site_origins": []})
    policy = TestClient(create_app(closed, engine, print)).get("/subscribe/embed").headers
    assert "frame-ancestors 'none'" in policy["content-security-policy"]


def test_pages_work_where_the_public_address_has_a_path(web_settings: Settings, engine: Engine):
    behind = {**web_settings.model_dump(exclude_unset=True), "public_url": "https://www.example.org/updates"}
    client = TestClient(create_app(Settings(_env_file=None, **behind), engine, print))
    assert 'action="/updates/subscribe"' in client.get("/subscribe?condition=Asthma").text
    assert 'action="/updates/manage"' in client.get("/manage").text


def test_tokens_addresses_and_conditions_stay_out_of_the_log(client, addresses, log_lines):
    for address in addresses:
        client.get(address)
        client.post(address.partition("?")[0], data={"email": "secret@example.org", "do": "nothing"})
    written = str(log_lines)
    assert "/confirm/{token:path}" in written
    secrets = [address.rpartition("/")[2].partition("?")[0] for address in addresses if "." in address]
    for secret in (*secrets, "secret@", "Asthma", "ben"):
        assert secret not in written


def test_a_form_that_is_too_large_is_refused(client):
    for address in ("/subscribe", "/subscribe/embed", "/manage", "/confirm/x", "/manage/x"):
        assert client.post(address, content=b"x" * 100_000).status_code == 413


NAMES = ("study", "about", "condition", "offer", "email", "frequency", "zone", "form", "do", "sign_up")
FORMS = ("/subscribe", "/subscribe/embed", "/subscribe/again", "/manage", "/confirm/x", "/manage/x")


@how(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    data=st.dictionaries(
        st.sampled_from(NAMES),
        st.lists(st.text(max_size=60), max_size=3),
    ),
    address=st.sampled_from(FORMS),
)
def test_nothing_that_can_be_typed_makes_an_error_of_ours(
    app: FastAPI, data: dict[str, list[str]], address: str
):
    client = TestClient(app)
    clean = {
        name: [text.encode("utf-8", "replace").decode() for text in texts] for name, texts in data.items()
    }
    assert client.post(address, data=clean).status_code in (200, 400, 422)
    assert client.get(address, params=clean).status_code in (200, 400, 422)
