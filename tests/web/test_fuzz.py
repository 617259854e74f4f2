"""Whatever is sent to a page, nobody sees a traceback, and nothing changes that was not asked for."""

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from starlette.testclient import TestClient

from notifier.web.service import Service

TOKENS = st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=80) | st.text(max_size=20)
NAMES = st.sampled_from(
    ["study", "condition", "email", "frequency", "zone", "hour", "do", "stop", "undo", "less", "token", "terms",
     "health", "conditions", "until", "reach", "subscription", "titles", "weekday", "List-Unsubscribe"]
)  # fmt: skip
FIELDS = st.lists(st.tuples(NAMES, st.text(max_size=60)), max_size=12)
BODIES = st.binary(max_size=200)
TYPES = st.sampled_from(
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/form-data",
        "text/plain",
        "",
    ]
)
PATHS = st.sampled_from(["/subscribe", "/subscribe/embed", "/subscribe/again", "/manage"]) | st.builds(
    "{}{}".format, st.sampled_from(["/u/", "/confirm/", "/manage/"]), TOKENS
)


def everything(engine: Engine) -> list[object]:
    with engine.connect() as conn:
        return list(conn.execute(text("SELECT state, stopped_at FROM subscribers"))) + list(
            conn.execute(text("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL"))
        )


@pytest.mark.parametrize("examples", [400])
def test_no_page_fails_whatever_it_is_sent(client: TestClient, engine: Engine, anna: object, examples: int):
    before = everything(engine)

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(path=PATHS, query=FIELDS, fields=FIELDS, body=BODIES, kind=TYPES, how=st.integers(0, 3))
    def send(
        path: str,
        query: list[tuple[str, str]],
        fields: list[tuple[str, str]],
        body: bytes,
        kind: str,
        how: int,
    ) -> None:
        url = quote(path, safe="/%?#", errors="replace")
        if how == 0:
            answer = client.get(url, params=query)
        elif how == 1:
            answer = client.head(url, params=query)
        elif how == 2:
            answer = client.post(url, data=dict(fields), params=query)
        else:
            answer = client.post(url, content=body, headers={"content-type": kind} if kind else {})
        assert answer.status_code < 500, (path, answer.status_code)
        assert answer.headers["cache-control"] == "no-store"

    send()
    assert everything(engine) == before


CHARSETS = ["unicode_escape", "raw_unicode_escape", "utf-7", "utf-16", "undefined", "hex", "idna", "nonsense"]


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_charset_of_a_form_makes_an_error_of_ours(client: TestClient, service: Service, charset: str):
    sent = {
        "form": service.form_token(),
        "email": "\\ud800a+2AA-@example.org",
        "condition": "Asthma \\ud800 +2AA-",
    }
    parts = [f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{sent[name]}\r\n' for name in sent]
    kind = {"content-type": f"multipart/form-data; boundary=B; charset={charset}"}
    for path in ("/subscribe", "/subscribe/embed", "/subscribe/again", "/manage"):
        assert client.post(path, content="".join([*parts, "--B--\r\n"]), headers=kind).status_code < 500
