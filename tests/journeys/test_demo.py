"""The demo, as a newcomer runs it."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.waiting import wait_for

NOTIFIER = [sys.executable, "-m", "notifier"]
PATIENCE_SECONDS = 300  # it is done in a fraction of that; a busy machine takes its time

pytestmark = pytest.mark.timeout(2 * PATIENCE_SECONDS)


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Settings that would do harm if the demo took them: it must not."""
    return {
        **os.environ,
        "NOTIFIER_HOME": str(tmp_path / "home"),
        "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/production",
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "MAIL_PROVIDER": "sendgrid",
        "PUBLIC_URL": "https://example.com",
    }


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a `.env` of real settings in it."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / ".env").write_text("MAIL_PROVIDER=smtp\nSMTP_URL=smtp://127.0.0.1:1\nOUTBOX_DIR=/nowhere\n")
    return folder


def demo(env: dict[str, str], folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [*NOTIFIER, "demo", *options]
    return subprocess.run(
        command, env=env, cwd=folder, capture_output=True, text=True, timeout=PATIENCE_SECONDS
    )


def processes_of(home: Path) -> list[psutil.Process]:
    """Whatever lives in this home: by its environment, or by its command line."""
    found = []
    for process in psutil.process_iter():
        try:
            told = [*process.cmdline(), process.environ().get("NOTIFIER_HOME", "")]
        except psutil.Error:
            continue
        if process.pid != os.getpid() and any(str(home) in text for text in told):
            found.append(process)
    return found


@pytest.fixture
def started(env, elsewhere) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*NOTIFIER, "demo"],
        env=env,
        cwd=elsewhere,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
    process.wait(60)


def test_the_demo_stays_up_until_ctrl_c_and_then_all_of_it_is_gone(started, env, elsewhere, tmp_path):
    home = tmp_path / "home" / "demo"
    said = read_until(started, "until Ctrl-C")
    link = re.search(r"^Unsubscribe +(\S+)$", said, re.MULTILINE)
    assert link

    second = demo(env, elsewhere, "--once")
    assert second.returncode == 1
    assert "A demo is running in" in second.stderr

    form = urllib.request.Request(link[1], b"List-Unsubscribe=One-Click", method="POST")
    with urllib.request.urlopen(form, timeout=30) as answer:
        assert answer.status == 200
    read_until(started, "ana@example.org has unsubscribed")

    os.killpg(started.pid, signal.SIGINT)
    read_until(started, "All of it is stopped.")
    assert started.wait(60) == 0
    assert processes_of(home) == []


def test_the_demo_checks_itself_even_after_one_that_was_killed(started, env, elsewhere, tmp_path):
    home = tmp_path / "home" / "demo"
    read_until(started, "3  People")
    os.killpg(started.pid, signal.SIGKILL)
    started.wait()

    done = demo(env, elsewhere, "--once")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "All as it should be" in done.stdout
    assert "ana@example.org    │ daily     │ 2 studies         │ unsubscribed" in done.stdout
    assert len(list((home / "outbox").glob("*.eml"))) == 27
    assert "Can a medicine before surgery" in (home / "mail.html").read_text()
    assert list(elsewhere.iterdir()) == [elsewhere / ".env"]
    assert wait_for(lambda: processes_of(home) == [])


def test_the_demo_empties_no_folder_but_its_own(env, elsewhere, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.txt").write_text("It was a dark and stormy night.")
    done = demo(env, elsewhere, "--once", "--home", str(tmp_path / "thesis"))
    assert done.returncode == 1
    assert "holds files that are not a demo's; nothing was touched" in done.stderr
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter-1.txt"]


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """What it says up to this text. pytest's own time-out ends a test that waits in vain."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        if text in line:
            return said
    raise AssertionError(f"it ended without saying {text!r}:\n{said}")
