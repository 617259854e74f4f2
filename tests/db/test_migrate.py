from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text
from sqlalchemy.exc import ProgrammingError

from notifier.db.engine import make_engine
from notifier.db.migrate import is_current, upgrade
from notifier.db.tables import all_tables


def test_the_migrations_make_exactly_the_tables_of_the_models(engine):
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        differences = compare_metadata(context, all_tables())
    assert differences == [], "`make migration` writes the first migration anew"


def test_an_empty_database_is_not_current_until_it_is_upgraded(empty_database_url):
    engine = make_engine(empty_database_url)
    assert not is_current(engine)
    upgrade(engine)
    assert is_current(engine)
    engine.dispose()


def test_a_second_upgrade_changes_nothing(engine):
    upgrade(engine)
    assert is_current(engine)


def test_processes_that_upgrade_at_the_same_time_wait_for_each_other(empty_database_url):
    engines = [make_engine(empty_database_url) for _ in range(4)]
    with ThreadPoolExecutor(len(engines)) as pool:
        list(pool.map(upgrade, engines))
    assert is_current(engines[0])
    for engine in engines:
        engine.dispose()


def test_an_upgrade_that_fails_leaves_the_database_as_it_was(empty_database_url):
    engine = make_engine(empty_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE deliveries (mine int)"))
    with pytest.raises(ProgrammingError, match='"deliveries" already exists'):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["deliveries"]
    engine.dispose()
