"""Where the servers of a test run keep their files: in memory where it has room. Each test's database is 600 files."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

import psutil

MEMORY = Path("/dev/shm")
ROOM_BYTES = 2 << 30
NAME = f"notifier-tests-{os.getuid()}-"


def make_folder() -> Path | None:
    """Of this process's test run; None where memory has no room for it."""
    if not os.access(MEMORY, os.W_OK) or shutil.disk_usage(MEMORY).free < ROOM_BYTES:
        return None
    folder = MEMORY / f"{NAME}{os.getpid()}"
    folder.mkdir()
    return folder


def remove_folders() -> None:
    """That of this process, and those of test runs that were killed, with the servers that these have left."""
    for folder in MEMORY.glob(f"{NAME}*"):
        run = re.fullmatch(rf"{NAME}(\d+)", folder.name)
        if run and (int(run[1]) == os.getpid() or not _lives(int(run[1]))):
            _stop_servers(folder)
            shutil.rmtree(folder, ignore_errors=True)


def _lives(pid: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    return False


def _stop_servers(folder: Path) -> None:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if folder in Path(process.cwd()).parents:
                process.kill()
