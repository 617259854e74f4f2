"""PostgreSQL refuses to run as root: as root, its programs run as an unprivileged user that owns the data."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from notifier.errors import NotifierError


def server_user(folder: Path) -> pwd.struct_passwd | None:
    """None: as whoever we are. As root: the folder's owner, or `nobody` for a folder of root's."""
    if os.geteuid() != 0:
        return None
    owner = folder.stat().st_uid
    return pwd.getpwuid(owner) if owner else pwd.getpwnam("nobody")


def own(path: Path, user: pwd.struct_passwd | None) -> None:
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)


def run_unprivileged(
    command: Sequence[str | Path], folder: Path, user: pwd.struct_passwd | None
) -> subprocess.CompletedProcess[str]:
    """Run in a session of its own, so that a Ctrl-C in the terminal does not reach it."""
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("PG", "LC_", "LANG"))
    }
    prefix: list[str] = []
    identity: dict[str, object] = {}
    if user and not all(_open_to_all(path) for path in (folder, Path(command[0]))):
        prefix = _with_passage(user)
    elif user:
        identity = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    return subprocess.run(  # type: ignore[call-overload, no-any-return]  # noqa: S603
        [*prefix, *command],
        cwd=folder,
        env={**environment, "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
        **identity,
    )


def _open_to_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def _with_passage(user: pwd.struct_passwd) -> list[str]:
    """The user cannot walk to the folder (0700 on the way, or /root): give it that one capability."""
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise NotifierError(
            f"PostgreSQL cannot run as root, and {user.pw_name} cannot reach the folder.",
            "Run as an ordinary user, or set NOTIFIER_HOME to a folder that others may enter, or set DATABASE_URL.",
        )
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return [
        setpriv,
        *ids,
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=-all,+dac_override",
        "--no-new-privs",
    ]
