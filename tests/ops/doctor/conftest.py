"""An installation that is well, to be broken in one place by each test."""

import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from notifier.ops.doctor import place, round_trip
from notifier.ops.doctor.examining import Installation, examine
from notifier.ops.doctor.finding import Finding
from notifier.ops.heartbeat import beat
from notifier.settings import Settings
from tests.fakes.sendgrid.control import SendGridControl

QUEUES = ("prompt", "build", "send", "upkeep")
NOWHERE = "http://localhost:9"
GOOD_KEY = "3f9c1d5be27a84906c1fe3b7d25a9c84e6b0f71d"


@dataclass
class Workers:
    """Processes that answer as workers do, without the two seconds that they take to start; see test_workers.py for
    real ones."""

    settings: Settings
    engine: Engine
    serve: set[str] = field(default_factory=lambda: set(QUEUES))

    def ask(self, question: str, queue: str) -> bool:
        if queue in self.serve:
            threading.Thread(
                target=round_trip.answer, args=(self.settings, self.engine, question, queue)
            ).start()
        return True


@dataclass
class Patient:
    here: Installation
    workers: Workers

    def change(self, **settings: Any) -> None:
        changed = self.here.settings.model_copy(update=settings)
        self.here = replace(self.here, settings=changed, chosen=changed)
        self.workers.settings = changed

    def findings(self) -> list[Finding]:
        return examine(self.here)

    def found(self, check: str) -> Finding:
        """The worst that is said by this check."""
        of_check = [finding for finding in self.findings() if finding.check == check]
        return max(of_check, key=lambda finding: ("pass", "warn", "fail").index(finding.status))

    def wrongs(self) -> list[str]:
        return [finding.check for finding in self.findings() if finding.status == "fail"]


@pytest.fixture
def patient(engine: Engine, settings: Settings) -> Patient:
    """Mail into a folder, workers that answer, a scheduler whose beats come; no web process."""
    settings = settings.model_copy(update={"secret_keys": [SecretStr(GOOD_KEY)], "public_url": NOWHERE})
    for queue in QUEUES:
        beat(engine, now=datetime.now(UTC) - timedelta(seconds=30), name=queue)
    workers = Workers(settings, engine)
    here = Installation(
        settings=settings,
        chosen=settings,
        engine=engine,
        limits=place.Limits(timedelta(minutes=15), timedelta(minutes=11)),
        queues=QUEUES,
        ask=workers.ask,
        now=lambda: datetime.now(UTC),
        lookup=lambda name: [],
    )
    return Patient(here, workers)


@pytest.fixture
def with_sendgrid(patient: Patient, fake_sendgrid: SendGridControl) -> Patient:
    """SendGrid is set up as it should be, by what SendGrid says."""
    patient.change(
        mail_provider="sendgrid",
        sendgrid_api_key=SecretStr(fake_sendgrid.api_key),
        sendgrid_api_url=fake_sendgrid.url,
        sendgrid_webhook_public_keys=[fake_sendgrid.public_key],
    )
    fake_sendgrid.account(webhooks=[hook(fake_sendgrid)])
    return patient


def hook(fake: SendGridControl, **changes: Any) -> dict[str, Any]:
    events = dict.fromkeys(("processed", "delivered", "bounce", "dropped", "deferred", "spam_report"), True)
    return {
        "enabled": True,
        "url": f"{NOWHERE}/webhooks/sendgrid",
        "public_key": fake.public_key,
        **events,
        **changes,
    }
