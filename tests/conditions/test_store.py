from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from sqlalchemy import Engine, text

from notifier.conditions.forgetting import forget_targets
from notifier.conditions.store import store_targets
from notifier.conditions.targets import OWN_WORDS, TargetRef, condition_targets, study_target
from tests.waiting import wait_for


def _ref(key: str, concept: str | None = None) -> TargetRef:
    return TargetRef("condition", key, key.title(), concept, OWN_WORDS)


def test_a_target_keeps_its_id_however_often_it_is_stored(engine: Engine):
    refs = [*condition_targets(["Asthma", "Hepatitis A"], [], [], []), study_target("NCT00000001")]
    with engine.begin() as conn:
        first = store_targets(conn, refs)
    with engine.begin() as conn:
        assert store_targets(conn, [*refs, _ref("gout")]).items() >= first.items()
    assert set(first) == {
        ("condition", "asthma"),
        ("condition", "hepatitis-a"),
        ("study", "NCT00000001"),
    }


def test_nothing_to_store_is_no_trouble(engine: Engine):
    with engine.begin() as conn:
        assert store_targets(conn, []) == {}


def test_a_mesh_id_seen_later_is_added_and_one_that_is_there_stays(engine: Engine):
    with engine.begin() as conn:
        store_targets(conn, [_ref("asthma"), _ref("gout", "D006073")])
    with engine.begin() as conn:
        store_targets(conn, [_ref("asthma", "D001249"), _ref("gout", "D000001")])
        assert conn.execute(text("SELECT key, concept_id FROM targets ORDER BY key")).all() == [
            ("asthma", "D001249"),
            ("gout", "D006073"),
        ]


def test_writers_of_the_same_targets_in_opposite_order_do_not_block_each_other_for_good(engine: Engine):
    refs = [_ref(f"condition{number}", f"D{number:06d}") for number in range(2000)]
    orders = [refs, refs[::-1], [replace(ref, concept_id=None) for ref in refs], refs[::-1]]

    def store(wanted: list[TargetRef]) -> dict[tuple[str, str], int]:
        with engine.begin() as conn:
            return store_targets(conn, wanted)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(store, orders))
    assert all(result == results[0] for result in results)
    assert len(results[0]) == 2000


def test_words_are_forgotten_with_the_last_who_asked_and_come_back_with_the_next(engine):
    with engine.begin() as conn:
        ids = store_targets(conn, [_ref("asthma")]), store_targets(conn, [_ref("gout")], known=True)
        assert forget_targets(conn, [*ids[0].values(), *ids[1].values()]) == 1
    with engine.begin() as conn:
        assert [*conn.execute(text("SELECT label FROM targets ORDER BY label")).scalars()] == ["", "Gout"]
        again = store_targets(conn, [_ref("asthma")])
    assert set(again.values()).isdisjoint(ids[0].values())


def test_words_that_somebody_is_just_asking_for_are_not_forgotten(engine):
    with engine.begin() as conn:
        ids = store_targets(conn, [_ref("asthma")])
    with engine.begin() as asking:
        assert store_targets(asking, [_ref("asthma")]) == ids
        with engine.begin() as erasing:
            assert forget_targets(erasing, list(ids.values())) == 0


def test_words_that_are_forgotten_while_somebody_asks_for_them_are_stored_anew(engine):
    with engine.begin() as conn:
        ids = store_targets(conn, [_ref("asthma")])
    with ThreadPoolExecutor(1) as pool:
        with engine.begin() as erasing:
            assert forget_targets(erasing, list(ids.values())) == 1
            asked = pool.submit(store, engine, [_ref("asthma")])
            wait_for(lambda: waits(engine))
        assert set(asked.result(30).values()).isdisjoint(ids.values())


def store(engine, refs):
    with engine.begin() as conn:
        return store_targets(conn, refs)


def waits(engine):
    with engine.connect() as conn:
        query = (
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return conn.execute(text(query)).all()
