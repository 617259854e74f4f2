"""A whole life in real processes, every library at its most talkative: nothing about anybody is written.

Beside what the processes write themselves, a handler on the root logger writes down all that any logger says.
"""

import json
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from notifier.languages.catalogue import language_of
from notifier.links.keys import signing_keys
from notifier.links.timed import TimedLinks
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.subscriptions.consent import consent_words
from notifier.web.app import utc_now
from tests.fakes.sendgrid.control import SendGridControl
from tests.journeys.records import record
from tests.journeys.stage import Stage, until
from tests.journeys.test_follow_a_study import OPEN, _answers, free_port

NAME, CONDITION = "quentin.zebrowski", "Xylophobia in horses"
ADDRESS, API_KEY = f"{NAME}@example.org", "an-api-key-for-tests-0123456789abcdef"
SITE = "https://www.example.org"
EVENTS = ("request", "run_planned", "batches_sent", "unsubscribed", "person_stopped", "feedback_taken")
EVERYTHING = """
import logging, os
logging.getLogger().addHandler(logging.FileHandler(os.environ["EVERYTHING"]))
logging.getLogger().setLevel(1)
"""


@dataclass
class Visitor:
    port: int

    def send(self, path: str, data: object = None, **headers: str) -> int:
        """A dict is a form, a list or a text JSON; the status."""
        body = urllib.parse.urlencode(data).encode() if isinstance(data, dict) else None
        if data is not None and body is None:
            body, headers = str(data).encode(), {"content-type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code


@dataclass
class Life:
    stage: Stage
    engine: Engine
    visitor: Visitor
    sendgrid: SendGridControl

    def __post_init__(self) -> None:
        self.keys = signing_keys(self.stage.settings)
        self.tokens: list[str] = []

    def token(self, purpose: str, public_id: UUID) -> str:
        url = self.stage.settings.public_url
        made = (
            UnsubscribeLinks(self.keys, url).token(public_id)
            if purpose == "u"
            else TimedLinks(self.keys, url, purpose).token(public_id, utc_now())  # type: ignore[arg-type]
        )
        self.tokens.append(made)
        return f"/{purpose}/{made}"

    def sql(self, statement: str) -> list[tuple[object, ...]]:
        with self.engine.begin() as conn:
            result = conn.execute(text(statement))
            return [tuple(row) for row in result] if result.returns_rows else []

    def signs_up(self) -> None:
        words = consent_words(self.stage.settings, language_of("en"))
        wish = {"email": ADDRESS, "conditions": [CONDITION, "Asthma"], "study": "NCT90000001"}
        wish |= {"terms": words.terms.version, "health_data": words.health.version}
        asked = self.visitor.send("/v1/subscriptions", json.dumps(wish), origin=SITE)
        assert asked == 202
        self.visitor.send("/v1/subscriptions", json.dumps({**wish, "email": f"{NAME}@"}), origin=SITE)
        self.visitor.send("/v1/subscriptions", json.dumps(wish)[:-3], origin=SITE)
        self.visitor.send("/subscribe", {"email": f"{NAME}@", "condition": CONDITION})

    def follows(self, path: Path) -> None:
        path.write_text(
            "email,study,condition,frequency,timezone,confirmed_at\n"
            f"{ADDRESS},NCT90000001,{CONDITION},daily,,2026-11-01\n{NAME}@,,{CONDITION},daily,,2026-11-01\n"
        )
        self.stage.notifier("subscribers", "import", str(path), "--json", ok=None)

    def person(self) -> UUID:
        return self.sql("SELECT public_id FROM subscribers")[0][0]  # type: ignore[return-value]

    def reports(self) -> None:
        event = {
            "email": ADDRESS,
            "event": "bounce",
            "type": "blocked",
            "sg_event_id": "1",
            "timestamp": 1767600000,
        }
        self.sendgrid.post_events([{**event, "reason": f"550 no {ADDRESS}"}, {"email": ADDRESS}])  # type: ignore[list-item]
        self.visitor.send("/webhooks/sendgrid", json.dumps([event]))

    def breaks(self) -> None:
        """What everybody reads is away for a moment: pages and tasks fail with a traceback."""
        self.sql("ALTER TABLE subscriptions RENAME TO elsewhere")
        statuses = {self.visitor.send(self.token("manage", self.person()))}
        statuses.add(self.visitor.send(self.token("u", self.person()), {"stop": "all"}))
        self.sql("ALTER TABLE elsewhere RENAME TO subscriptions")
        assert min(statuses) >= 500


@pytest.fixture
def life(
    settings: Settings,
    engine: Engine,
    tmp_path: Path,
    fake_sendgrid_process: SendGridControl,
    monkeypatch: pytest.MonkeyPatch,
) -> Life:
    (tmp_path / "sitecustomize.py").write_text(EVERYTHING)
    fake = fake_sendgrid_process
    port = free_port()
    chosen = {
        "EVERYTHING": tmp_path / "everything.log",
        "PYTHONPATH": tmp_path,
        "MAIL_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": fake.api_key,
        "SENDGRID_API_URL": fake.url,
        "SENDGRID_WEBHOOK_PUBLIC_KEYS": fake.public_key,
        "API_KEYS": API_KEY,
        "SITE_ORIGINS": SITE,
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, str(value))
    fake.webhook(url=f"http://127.0.0.1:{port}/webhooks/sendgrid")
    return Life(Stage(settings, tmp_path), engine, Visitor(port), fake)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_about_anybody_is_written(life: Life, log_format: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LOG_FORMAT", log_format)
    stage, visitor, sendgrid = life.stage, life.visitor, life.sendgrid
    stage.notifier("records", "import", stage.write("v1.json", record(first_posted="2026-01-05")))
    with stage.worker(), stage.scheduler(), stage.web(visitor.port):
        until(lambda: _answers(visitor.port), "the web process answers")
        life.signs_up()
        life.follows(stage.folder / "people.csv")
        (sign_up,) = life.sql("SELECT public_id FROM sign_ups")[0]
        assert visitor.send(life.token("confirm", sign_up), {"confirm": "yes"}) < 500  # type: ignore[arg-type]
        sendgrid.script(
            "503", {"name": "400", "message": f"Does not contain a valid address: {ADDRESS}"}, "reset_after"
        )
        stage.notifier("records", "import", stage.write("v2.json", record(first_posted="2026-01-05", **OPEN)))
        life.sql("UPDATE schedules SET next_due_at = now()")
        tried = "SELECT 1 FROM batches WHERE run_id IS NOT NULL AND attempts > 0 AND state <> 'sending'"
        until(lambda: life.sql(tried), "a digest was sent, or refused")
        for path in ("/u/garbage", f"/confirm/{ADDRESS}", life.token("manage", life.person())[:-4]):
            visitor.send(path)
        life.reports()
        life.breaks()
        assert visitor.send(life.token("u", life.person()), {"List-Unsubscribe": "One-Click"}) == 200
        until(lambda: "batches_sent" in logs(stage), "a line of the worker")
    check(life, logs(stage), log_format)


def logs(stage: Stage) -> str:
    return "".join(file.read_text() for file in sorted(stage.folder.glob("*.log")))


def check(life: Life, written: str, log_format: str) -> None:
    secrets = [
        ADDRESS,
        "zebrowski",
        "xylophobia",
        "asthma",
        "NCT9",
        API_KEY,
        life.sendgrid.api_key,
        life.keys[0],
    ]
    secrets += [token.split(".")[1] for token in life.tokens]
    secrets += [word for (word,) in life.sql("SELECT facts ->> 'briefTitle' FROM studies")]  # type: ignore[misc]
    told = [
        line for line in written.splitlines() if any(secret.lower() in line.lower() for secret in secrets)
    ]
    assert told == []
    assert [event for event in EVENTS if event not in written] == []
    if log_format == "json":
        lines = [json.loads(line) for line in written.splitlines() if line.startswith('{"')]
        planned = next(line for line in lines if line["event"] == "run_planned" and line["run"])
        assert [line for line in lines if line["event"] == "batches_sent" and line["run"] == planned["run"]]
        assert {line["task"] for line in lines if line["event"] == "batches_sent"} <= {
            "tasks.send",
            "tasks.send_letters",
        }
