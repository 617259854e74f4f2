import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from notifier.cli import supervisor as cli
from notifier.cli.supervisor import Program, environment, supervise
from notifier.errors import NotifierError
from notifier.settings import Settings
from tasks.queues import OPTIONS
from tests.paths import ROOT
from tests.waiting import wait_for

STAY = """
import os, pathlib, sys, time
with open(sys.argv[1], "a") as file:
    file.write(f"{os.getpid()}\\n")
print("hello from the child")
while True: time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + STAY
PARENT = """
import os, subprocess, sys
subprocess.Popen([sys.executable, "-c", sys.argv[1], sys.argv[2]])
""" + STAY.replace("sys.argv[1]", "sys.argv[2]")
SUPERVISOR = """
import os, sys
from notifier.cli.supervisor import Program, supervise
supervise([Program("child", [sys.executable, "-c", sys.argv[1], sys.argv[2]])], os.environ)
"""


def program(code: str, *arguments: object) -> Program:
    return Program("child", [sys.executable, "-c", code, *map(str, arguments)])


@pytest.fixture
def pids(tmp_path) -> Path:
    path = tmp_path / "pids"
    path.touch()
    return path


def read(pids: Path) -> list[int]:
    return [int(line) for line in pids.read_text().splitlines()]


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


class Running:
    """A supervisor in a thread of this process."""

    def __init__(self, *programs: Program, grace: timedelta = timedelta(seconds=20)) -> None:
        self.stop = threading.Event()
        self.thread = threading.Thread(target=supervise, args=[programs, os.environ, self.stop, grace])

    def __enter__(self) -> "Running":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()


def test_a_child_that_dies_is_started_again(pids):
    with Running(program(STAY, pids)):
        first = wait_for(lambda: read(pids))[0]
        os.kill(first, signal.SIGKILL)
        second = wait_for(lambda: read(pids)[1:])[0]
        assert alive(second)
    assert not alive(second)


def test_a_child_that_ignores_sigterm_is_killed_after_the_grace_time(pids):
    with Running(program(STUBBORN, pids), grace=timedelta(0)):
        child = wait_for(lambda: read(pids))[0]
    assert not alive(child)


def test_a_killed_child_takes_its_own_children_along(pids):
    with Running(program(PARENT, STUBBORN, pids), grace=timedelta(0)):
        both = wait_for(lambda: len(read(pids)) == 2 and read(pids))
    wait_for(lambda: not any(alive(pid) for pid in both))


def test_a_program_that_cannot_start_ends_it_all_with_a_clear_sentence(pids, capfd, monkeypatch):
    monkeypatch.setattr("notifier.cli.supervisor.LONGEST_PAUSE", timedelta(0))
    with pytest.raises(NotifierError, match="child ended 5 times as it started, at last with exit code 3"):
        supervise([program("print('the port is taken'); exit(3)"), program(STAY, pids)], os.environ)
    assert not any(alive(pid) for pid in read(pids))


def test_each_line_says_whose_it_is(pids, capfd):
    said = []
    with Running(program(STAY, pids)):
        wait_for(
            lambda: said.append(capfd.readouterr().err) or "child | hello from the child\n" in "".join(said)
        )


@pytest.fixture
def supervisor(pids):
    command = [sys.executable, "-c", SUPERVISOR, STAY, pids]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_of_it(supervisor, pids, number):
    child = wait_for(lambda: read(pids))[0]
    supervisor.send_signal(number)
    assert supervisor.wait(30) == 0
    assert not alive(child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_no_child_is_left_when_the_supervisor_itself_is_killed(supervisor, pids):
    child = wait_for(lambda: read(pids))[0]
    supervisor.kill()
    wait_for(lambda: not alive(child))


def test_children_see_every_setting_that_was_chosen(tmp_path):
    settings = Settings(
        _env_file=None, notifier_home=tmp_path, api_keys=["0123456789abcdef" * 2, "fedcba9876543210" * 2]
    )
    given = environment(settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"}))
    assert given["REDIS_URL"] == "redis://127.0.0.1:1/0"
    assert given["NOTIFIER_HOME"] == str(tmp_path)
    assert given["API_KEYS"] == "0123456789abcdef0123456789abcdef,fedcba9876543210fedcba9876543210"
    assert "PUBLIC_URL" not in given


def test_up_keeps_a_process_that_waits_for_letters_alone_and_somebody_listens_to_every_queue(
    monkeypatch, tmp_path
):
    seen: list[Program] = []
    monkeypatch.setattr(cli, "supervise", lambda programs, *_: seen.extend(programs))
    cli.run_all(Settings(_env_file=None, notifier_home=tmp_path), web=True, workers=2)
    queues = {
        program.name: program.command[program.command.index("--queues") + 1].split(",")
        for program in seen
        if "--queues" in program.command
    }
    assert queues["prompt"] == ["prompt"]
    assert (
        set(queues["worker1"]) == set(queues["worker2"]) == {queue.name for queue in OPTIONS["task_queues"]}
    )
    procfile = (ROOT / "Procfile").read_text()
    assert "--queues prompt --" in procfile
    assert f"--queues {','.join(queues['worker1'])} " in procfile
