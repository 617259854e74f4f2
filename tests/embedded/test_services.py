import os
import signal
import subprocess

import psutil
import psycopg
import pytest
import redis
from sqlalchemy import make_url, text
from sqlalchemy.exc import IntegrityError

from notifier.db.copies import is_home
from notifier.db.engine import make_engine
from notifier.db.migrate import upgrade
from notifier.embedded import ensure_services, release_services
from notifier.settings import Settings
from tests.embedded.processes import User, end_servers, leaders, servers
from tests.waiting import wait_for


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True)


def test_addresses_that_are_set_are_taken_as_they_are_and_not_tried(tmp_path):
    home = tmp_path / "home"
    settings = Settings(
        _env_file=None,
        notifier_home=home,
        database_url="postgresql://nobody@127.0.0.1:1/nothing",
        redis_url="redis://127.0.0.1:1",
    )
    assert ensure_services(settings) == settings
    assert not home.exists()


def test_both_servers_start_answer_and_stop(user, home):
    first = user()
    database, broker = first.urls()
    assert leaders(home) == ["postgres", "redis-server"]
    with connect(database) as connection:
        assert connection.execute("SHOW timezone").fetchone() == ("UTC",)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    with redis.Redis.from_url(broker) as client:
        assert client.config_get("appendonly", "maxmemory-policy") == {
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
        }
    assert first.leave() == ""
    assert servers(home) == []


def test_nobody_gets_in_without_the_password_which_only_the_owner_can_read(services):
    with pytest.raises(psycopg.OperationalError, match="password"):
        connect(services.database_url.replace("notifier:", "notifier:not"))
    stranger = redis.Redis.from_url(services.redis_url.replace("redis://:", "redis://:not"))
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    assert (services.notifier_home / "services-password").stat().st_mode & 0o777 == 0o600


def test_what_was_stored_is_there_at_the_next_start(user, home):
    first = user()
    database, broker = first.urls()
    with connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    with redis.Redis.from_url(broker) as client:
        client.set("kept", "yes")
    first.leave()

    database, broker = user().urls()
    with connect(database) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    with redis.Redis.from_url(broker) as client:
        assert client.get("kept") == b"yes"


def test_a_second_process_joins_and_the_last_one_out_stops_the_servers(user, home):
    first, second = user(), user()
    assert first.urls() == second.urls()
    before = {process.pid for process in servers(home)}
    first.leave()
    assert leaders(home) == ["postgres", "redis-server"]
    assert {process.pid for process in servers(home)} & before
    second.leave()
    assert servers(home) == []


def test_five_processes_at_once_make_one_pair_of_servers(user, home):
    users = [user() for _ in range(5)]
    assert len({tuple(each.urls()) for each in users}) == 1
    assert leaders(home) == ["postgres", "redis-server"]
    for each in users:
        assert each.leave() == ""
    assert servers(home) == []


def test_after_a_kill_the_next_process_joins_what_still_runs_and_stops_it(user, home):
    first = user()
    urls = first.urls()
    first.kill()
    assert leaders(home) == ["postgres", "redis-server"]
    second = user()
    assert second.urls() == urls
    second.leave()
    assert servers(home) == []


def test_after_a_crash_of_everything_the_next_process_starts_it_again(user, home):
    first = user()
    database, _ = first.urls()
    with connect(database) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    first.kill()
    for process in servers(home):
        process.kill()
    wait_for(lambda: not servers(home))
    database, broker = user().urls()
    with connect(database) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (7,)
    with redis.Redis.from_url(broker) as client:
        assert client.ping()


def test_a_pid_file_whose_number_now_belongs_to_another_program_is_no_hindrance(user, home):
    first = user()
    first.urls()
    first.kill()
    for process in servers(home):
        process.kill()
    wait_for(lambda: not servers(home))
    pid_file = home / "postgres" / "data" / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    with connect(user().urls()[0]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_process_killed_while_it_sets_up_leaves_nothing_that_hinders_the_next(user, home):
    first = user()
    wait_for(lambda: list((home / "postgres").glob("*/data/base")) or (home / "postgres" / "data").exists())
    first.kill()
    second = user()
    with connect(second.urls()[0]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_ctrl_c_in_the_terminal_reaches_the_command_and_not_the_servers(user, home):
    first, second = user(), user()
    first.urls(), second.urls()
    groups = {os.getpgid(process.pid) for process in servers(home)}
    assert os.getpgid(first.process.pid) not in groups
    first.process.send_signal(signal.SIGINT)
    first.process.wait(60)
    assert leaders(home) == ["postgres", "redis-server"]
    second.process.send_signal(signal.SIGINT)
    second.process.wait(60)
    assert servers(home) == []


def test_a_child_that_was_forked_does_not_stop_the_servers_of_its_parent(services):
    child = os.fork()
    if not child:
        try:
            release_services()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    with connect(services.database_url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_asking_twice_in_one_process_gives_the_same_servers(services):
    bare = services.model_copy(update={"database_url": None, "redis_url": None})
    assert ensure_services(bare) == services


def test_the_servers_listen_on_this_machine_only(services):
    ports = {make_url(url).port for url in (services.database_url, services.redis_url)}
    ours = [
        line for line in psutil.net_connections("tcp") if line.status == "LISTEN" and line.laddr.port in ports
    ]
    assert {line.laddr for line in ours} == {("127.0.0.1", port) for port in ports}


def test_the_log_of_the_database_carries_no_data(services, engine):
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE people (email text UNIQUE)"))
        connection.execute(text("INSERT INTO people VALUES ('ann@example.org')"))
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(text("INSERT INTO people VALUES ('ann@example.org')"))
    log = (services.notifier_home / "postgres" / "postgres.log").read_text()
    assert 'unique constraint "people_email_key"' in log
    assert "ann@" not in log


def test_a_copy_of_the_folder_is_known_for_one(user, home, tmp_path):
    first = user()
    engine = make_engine(first.urls()[0])
    upgrade(engine)
    with engine.begin() as conn:
        assert is_home(conn)
    engine.dispose()
    first.leave()
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-a", home, copy], check=True)
    try:
        assert [homely(user(home=place)) for place in (copy, home)] == [False, True]
    finally:
        end_servers(copy)


def homely(process: User) -> bool:
    engine = make_engine(process.urls()[0])
    with engine.begin() as conn:
        found = is_home(conn)
    engine.dispose()
    process.leave()
    return found
