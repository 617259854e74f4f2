"""Fixtures of the fakes. `fake_sendgrid` is the one most tests want."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.certificates import Certificate, make_certificate
from tests.fakes.registry import Registry, serving
from tests.fakes.sendgrid.control import SendGridControl, as_process, in_thread
from tests.fakes.smtp import SmtpSink, smtp_sink


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def fake_sendgrid() -> Iterator[SendGridControl]:
    """In a thread of the test, over plain HTTP, with the text of each mail kept."""
    with in_thread() as fake:
        yield fake


@pytest.fixture
def fake_sendgrid_tls(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[SendGridControl]:
    """Over HTTPS; clients made in the test trust it."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.cert))
    with in_thread(certificate=certificate) as fake:
        yield fake


@pytest.fixture
def fake_sendgrid_process(tmp_path: Path) -> Iterator[SendGridControl]:
    """A process of its own, for tests that kill workers; accepted mails also go to mails.ndjson."""
    with as_process("--keep-bodies", "--mail-file", str(tmp_path / "mails.ndjson")) as fake:
        yield fake


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    """SMTP without encryption or login."""
    with smtp_sink() as started:
        yield started


@pytest.fixture
def registry() -> Iterator[Registry]:
    with serving() as registry:
        yield registry
