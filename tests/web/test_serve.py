import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Engine, text

from notifier.links.items import ItemTokens
from notifier.links.tokens import UnsubscribeLinks
from notifier.settings import Settings
from notifier.web.leaving import PRESSES
from notifier.web.serve import CONNECTIONS
from tests.waiting import wait_for
from tests.web.conftest import public_id_of, state
from tests.world import World, condition

SERVE = """
from notifier.settings import load_settings
from notifier.web.serve import serve
serve(load_settings(), print)
"""

ONE_CLICK = b"List-Unsubscribe=One-Click"


@dataclass
class Served:
    base: str
    written: Path


@pytest.fixture
def served(web_settings: Settings, tmp_path: Path) -> Iterator[Served]:
    """The web process itself; it is told to end afterwards."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Served(f"http://127.0.0.1:{port}", tmp_path / "written.txt")
    environment = os.environ | {
        "DATABASE_URL": str(web_settings.database_url),
        "SECRET_KEYS": web_settings.secret_keys[0].get_secret_value(),
        "PORT": str(port),
    }
    with here.written.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", SERVE], env=environment, stdout=out, stderr=out)
    try:
        wait_for(lambda: process.poll() is not None or _answers(f"{here.base}/healthz"))
        yield here
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _post(url: str, data: bytes) -> int:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_the_web_process_serves_on_its_port_and_logs_no_token(served: Served, engine: Engine, path: str):
    assert _post(served.base + path, ONE_CLICK) == 200
    assert state(engine) == ("stopped", 0)
    lines = served.written.read_text()
    assert "request" in lines
    assert path[3:] not in lines
    assert "Traceback" not in lines


def test_who_hangs_up_in_the_middle_of_a_form_is_no_fault_of_ours(served: Served, path: str):
    address = urlsplit(served.base)
    with socket.create_connection((str(address.hostname), address.port or 80)) as line:
        line.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 26\r\n\r\nList-Unsub".encode())
    wait_for(lambda: "status=499" in served.written.read_text())
    lines = served.written.read_text()
    assert "request_failed" not in lines
    assert "Traceback" not in lines
    assert _post(served.base + path, ONE_CLICK) == 200


def test_one_click_works_while_every_other_page_waits_for_a_run_that_is_being_planned(
    served: Served, engine: Engine, web_settings: Settings, path: str
):
    keys = [key.get_secret_value() for key in web_settings.secret_keys]
    with engine.connect() as conn:
        target_id = conn.execute(text("SELECT target_id FROM subscriptions")).scalar_one()
    one_thing = f"{served.base}{path}/{ItemTokens(keys).token(target_id)}"
    with ThreadPoolExecutor(60) as visitors, engine.connect() as planner:
        planner.execute(text("SELECT 1 FROM schedules FOR UPDATE"))
        waiting = [visitors.submit(_post, one_thing, b"stop=all") for _ in range(60)]
        wait_for(lambda: _waiting_for_locks(engine) >= CONNECTIONS)
        assert _post(served.base + path, ONE_CLICK) == 200
        assert state(engine) == ("stopped", 0)
        planner.rollback()
        answers = {one.result() for one in waiting}
    assert 200 in answers
    assert answers <= {200, 503}  # those that found no connection in time are told to try again


def test_whoever_presses_the_button_many_times_keeps_nobody_else_from_leaving(
    served: Served, engine: Engine, web_settings: Settings, world: World, path: str
):
    other = public_id_of(engine, world.person("ben", condition("Asthma")))
    keys = [key.get_secret_value() for key in web_settings.secret_keys]
    with ThreadPoolExecutor(40) as presses, engine.connect() as importing:
        importing.execute(
            text("SELECT 1 FROM subscribers WHERE public_id <> :other FOR UPDATE"), {"other": other}
        )
        pressed = [presses.submit(_post, served.base + path, b"stop=all") for _ in range(40)]
        wait_for(lambda: _waiting_for_locks(engine) >= PRESSES)
        assert _post(f"{served.base}/u/{UnsubscribeLinks(keys, '').token(other)}", ONE_CLICK) == 200
        importing.rollback()
        assert {one.result() for one in pressed} == {200}


def _waiting_for_locks(engine: Engine) -> int:
    with engine.connect() as conn:
        return int(
            conn.execute(
                text(
                    """SELECT count(*) FROM pg_stat_activity
                       WHERE datname = current_database() AND application_name = 'notifier-web'
                         AND wait_event_type = 'Lock'"""
                )
            ).scalar_one()
        )


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url) as answer:
            return bool(answer.status == 200)
    except urllib.error.URLError:
        return False
