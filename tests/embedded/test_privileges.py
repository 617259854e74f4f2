import os
import pwd
import shutil
import tempfile
from pathlib import Path

import pytest

from notifier.embedded import ensure_services
from notifier.errors import NotifierError
from notifier.settings import Settings
from tests.embedded.processes import end_servers, servers

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become other users")
NOBODY = pwd.getpwnam("nobody").pw_uid


@pytest.fixture
def open_folder():
    """A folder that every user may enter; pytest's own are private."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    end_servers(path / "home")
    shutil.rmtree(path)


def database_users(home: Path) -> set[int]:
    return {process.uids().effective for process in servers(home) if process.name() == "postgres"}


@as_root
def test_root_runs_the_database_as_an_unprivileged_user_below_a_private_folder(user, home):
    home.parent.chmod(0o700)
    user().urls()
    assert 0 not in database_users(home)


@as_root
def test_root_runs_the_database_without_any_capability_where_the_way_is_open(user, open_folder):
    home = open_folder / "home"
    user(home=home).urls()
    assert 0 not in database_users(home)
    leader = next(process for process in servers(home) if process.name() == "postgres")
    capabilities = Path(f"/proc/{leader.pid}/status").read_text().partition("CapEff:")[2].split()[0]
    assert int(capabilities, 16) == 0


@as_root
def test_an_ordinary_user_needs_nothing_special(user, open_folder):
    os.chown(open_folder, NOBODY, NOBODY)
    home = open_folder / "home"
    first = user(home=home, uid=NOBODY)
    first.urls()
    assert database_users(home) == {NOBODY}
    assert first.leave() == ""
    assert servers(home) == []


@as_root
def test_a_home_of_somebody_else_is_refused_with_one_sentence(user, open_folder):
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    first = user(home=home, uid=NOBODY)
    assert f"NOTIFIER_HOME ({home}) cannot be used: Permission denied. Set it to a folder" in first.leave()


def test_a_home_that_is_a_file_is_refused_with_one_sentence(tmp_path):
    (tmp_path / "home").touch()
    with pytest.raises(
        NotifierError, match=r"NOTIFIER_HOME .* cannot be used: File exists\. Set it to a folder"
    ):
        ensure_services(Settings(_env_file=None, notifier_home=tmp_path / "home"))
