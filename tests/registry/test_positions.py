"""Positions have no gaps, and nothing is ever numbered below what somebody may have read."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine, text

from notifier.registry.positions import assign_positions, head_position
from tests.registry.samples import events, study, take

_UNNUMBERED = text("""
    INSERT INTO change_events (study_id, version, kind, changes, study, seen_at)
    SELECT (SELECT id FROM studies), :name || '/' || n, 'study_changed', '[]', '{}', now()
    FROM generate_series(1, :count) n
""")


def insert(engine: Engine, name: str, count: int) -> None:
    with engine.begin() as conn:
        conn.execute(_UNNUMBERED, {"name": name, "count": count})


def assign(engine: Engine) -> int:
    with engine.begin() as conn:
        return assign_positions(conn)


def test_with_no_event_the_head_is_zero(engine: Engine) -> None:
    assert assign(engine) == 0
    with engine.connect() as conn:
        assert head_position(conn) == 0


def test_what_a_killed_process_left_is_numbered_by_the_next(engine: Engine) -> None:
    take(engine, study())
    insert(engine, "left", 3)
    assert assign(engine) == 4
    assert [event.position for event in events(engine)] == [1, 2, 3, 4]
    assert assign(engine) == 4


def test_many_at_once_leave_no_gap_and_no_double(engine: Engine) -> None:
    take(engine, study())

    def work(number: int) -> int:
        insert(engine, f"writer-{number}", 7)
        return assign(engine)

    with ThreadPoolExecutor(8) as pool:
        heads = list(pool.map(work, range(24)))
    assert max(heads) == 1 + 24 * 7
    assert [event.position for event in events(engine)] == list(range(1, 2 + 24 * 7))


def test_an_event_that_is_committed_late_comes_after_what_was_read(engine: Engine) -> None:
    take(engine, study())
    with engine.connect() as slow:
        slow.execute(_UNNUMBERED, {"name": "slow", "count": 1})
        insert(engine, "quick", 1)
        assert assign(engine) == 2
        slow.commit()
    assert assign(engine) == 3
    assert [event.version for event in events(engine)][1:] == ["quick/1", "slow/1"]
