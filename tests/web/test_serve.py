import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine

from notifier.settings import Settings
from tests.waiting import wait_for
from tests.web.conftest import state

SERVE = """
from notifier.settings import load_settings
from notifier.web.serve import serve
serve(load_settings(), print)
"""


def test_the_web_process_serves_on_its_port_logs_no_token_and_ends_when_told(
    web_settings: Settings, engine: Engine, path: str, tmp_path: Path
):
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    base = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": str(web_settings.database_url),
        "SECRET_KEYS": web_settings.secret_keys[0].get_secret_value(),
        "PORT": str(port),
    }
    written = tmp_path / "written.txt"
    with written.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or _answers(f"{base}/healthz"))
        request = urllib.request.Request(base + path, data=b"List-Unsubscribe=One-Click")
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 200
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert state(engine) == ("stopped", 0)
    lines = written.read_text()
    assert "request" in lines
    assert path[3:] not in lines
    assert "Traceback" not in lines


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False
