import multiprocessing
import stat
from pathlib import Path

import pytest

from notifier.errors import NotifierError
from notifier.links.keys import email_key, signing_keys
from notifier.settings import Settings

ONE, TWO = "first-key-0123456789abcdef-01234567", "second-key-0123456789abcdef-0123456"


def _settings(home: Path, **values: object) -> Settings:
    return Settings(_env_file=None, notifier_home=home, **values)


def _keys(home: Path) -> list[str]:
    return signing_keys(_settings(home))


def test_the_keys_of_the_environment_are_used_oldest_first(tmp_path: Path):
    assert signing_keys(_settings(tmp_path, secret_keys=f"{ONE},{TWO}")) == [ONE, TWO]
    assert list(tmp_path.iterdir()) == []


def test_without_keys_one_is_made_kept_and_readable_by_its_owner_only(tmp_path: Path):
    home = tmp_path / "home"
    first = _keys(home)
    assert first == _keys(home)
    assert len(first[0]) == 64
    assert [path.name for path in home.iterdir()] == ["secret-key"]
    assert stat.S_IMODE((home / "secret-key").stat().st_mode) == 0o600


def test_processes_that_start_at_once_agree_on_one_key(tmp_path: Path):
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len({tuple(keys) for keys in pool.map(_keys, [tmp_path / "home"] * 8)}) == 1


def test_a_damaged_key_file_is_named_and_never_replaced(tmp_path: Path):
    (tmp_path / "secret-key").write_text("short")
    with pytest.raises(NotifierError, match="secret-key is damaged"):
        _keys(tmp_path)
    assert (tmp_path / "secret-key").read_text() == "short"


def test_a_new_signing_key_makes_no_new_people():
    assert email_key([ONE], "anna@example.org") == email_key([ONE, TWO], "Anna@EXAMPLE.org")
    assert email_key([ONE], "anna@example.org") != email_key([TWO], "anna@example.org")
    assert len(email_key([ONE], "anna@example.org")) == 32
