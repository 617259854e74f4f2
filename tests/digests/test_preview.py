"""A preview is the mail that goes out then, and leaves no trace."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, Engine, event, text

from notifier.digests.content import EditionContent
from notifier.digests.editions import load_editions
from notifier.digests.preview import Preview, preview
from notifier.settings import Settings
from notifier.subscriptions.changing import set_reach
from notifier.subscriptions.schedules import Rhythm
from tests.delivery.post import Post
from tests.world import NOON, World, condition, days, study_target

ASTHMA, ECZEMA = condition("Asthma"), condition("Eczema")
STUDY = study_target("NCT00000900")
DUE = NOON + days(2)


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    return World(engine, settings)


def look(world: World, name: str) -> Preview:
    return preview(world.engine, name.encode(), at=DUE)


def sent(world: World) -> dict[str, EditionContent]:
    with world.engine.connect() as conn:
        rows = conn.execute(
            text(
                """SELECT s.email_key, b.edition_id FROM deliveries d
                   JOIN batches b ON b.id = d.batch_id JOIN runs r ON r.id = b.run_id
                   JOIN subscribers s ON s.id = d.subscriber_id WHERE r.planned_at = :due"""
            ),
            {"due": DUE},
        ).all()
        editions = load_editions(conn, [row.edition_id for row in rows])
    return {bytes(row.email_key).decode(): editions[row.edition_id] for row in rows}


def test_everybody_s_preview_is_what_their_next_run_brings(world: World) -> None:
    world.person("shared", ASTHMA, ECZEMA)
    world.person("exact", ASTHMA, reach=3)
    world.person("both", ASTHMA, STUDY)
    world.person("titles", ECZEMA, titles=True)
    world.person("other", condition("Gout"))
    world.event(ASTHMA, ECZEMA)
    world.run("daily", NOON + days(1))  # from here on they go with their schedule
    world.person("new", ASTHMA)
    world.event(ASTHMA, ECZEMA)
    world.event(ASTHMA, evidence=4)
    world.event(ASTHMA, STUDY, nct_id="NCT00000900")
    people = ("shared", "exact", "both", "titles", "other", "new")
    seen = {name: look(world, name).content for name in people}
    world.run("daily", DUE)
    told = sent(world)
    assert seen == {name: told.get(name) for name in people}
    assert {name for name, content in seen.items() if content is None} == {"other"}


def test_so_it_is_after_an_undo_and_a_wider_reach(engine: Engine, settings: Settings) -> None:
    """Their next digest leaves out what they have been told, and what came before they asked for it."""
    post = Post(engine, settings)
    undone, wider = post.person("undone", ASTHMA, ECZEMA), post.person("wider", ASTHMA, reach=3)
    post.event(ASTHMA)
    post.event(ASTHMA, evidence=4)
    post.run("daily", NOON + days(1))
    post.stop_one(undone, ECZEMA, NOON + days(1))
    post.event(ECZEMA)
    post.event(ASTHMA, ECZEMA)
    post.undo_one(undone, ECZEMA, NOON + days(1))
    with engine.begin() as conn:
        subscription = conn.execute(
            text("SELECT public_id FROM subscriptions WHERE subscriber_id = :id"), {"id": wider}
        ).scalar_one()
        set_reach(conn, wider, subscription, 4, via="page", now=NOON + days(1))
    post.event(ASTHMA, evidence=4)
    seen = {name: look(post, name).content for name in ("undone", "wider")}
    post.run("daily", DUE)
    assert seen == sent(post)
    assert [len(content.items) for content in seen.values() if content] == [3, 2]


def test_nothing_stays_of_a_preview(world: World) -> None:
    world.person("anna", ASTHMA)
    world.event(ASTHMA)
    assert look(world, "anna").content == look(world, "anna").content is not None
    with world.engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM editions")).scalar_one() == 0
        assert conn.execute(text("SELECT count(*) FROM runs")).scalar_one() == 0


def test_whoever_has_stopped_reads_nothing(world: World) -> None:
    world.person("anna", ASTHMA)
    world.event(ASTHMA)
    with world.engine.begin() as conn:
        conn.execute(text("UPDATE subscribers SET state = 'stopped', stopped_at = now()"))
    assert look(world, "anna") == Preview(None, has_stopped=True, rests_until=None, suppression=None)


@pytest.mark.parametrize("rest", ["paused_until", "quiet_until"])
def test_what_waits_while_mail_rests_is_shown_with_the_day_it_ends(world: World, rest: str) -> None:
    world.person("anna", ASTHMA, rhythm=Rhythm("immediate"))
    world.event(ASTHMA)
    until = DUE + timedelta(hours=1)
    with world.engine.begin() as conn:
        conn.execute(text(f"UPDATE subscribers SET {rest} = :until"), {"until": until})
    found = look(world, "anna")
    assert found.content is not None
    assert found.rests_until == until


def test_a_rest_that_is_over_is_not_mentioned(world: World) -> None:
    world.person("anna", ASTHMA)
    with world.engine.begin() as conn:
        conn.execute(text("UPDATE subscribers SET paused_until = :past"), {"past": DUE - days(1)})
    assert look(world, "anna").rests_until is None


def test_an_address_on_the_do_not_mail_list_says_why(world: World) -> None:
    world.person("anna", ASTHMA)
    with world.engine.begin() as conn:
        conn.execute(
            text("INSERT INTO suppressions SELECT email_key, 'bounced', NULL, now() FROM subscribers")
        )
    assert look(world, "anna").suppression == "bounced"


def test_a_stranger_is_told_apart_from_somebody_with_nothing_to_read(world: World) -> None:
    with pytest.raises(LookupError):
        look(world, "nobody")


@pytest.fixture
def rows_matched(world: World) -> Iterator[list[int]]:
    """How many rows each temporary table of a preview was filled with."""
    counts: list[int] = []

    def note(conn: Connection, cursor, statement: str, *_: object) -> None:
        if "hit_audiences ON COMMIT" in statement or "recipients ON COMMIT" in statement:
            counts.append(cursor.rowcount)

    event.listen(world.engine, "after_cursor_execute", note)
    yield counts
    event.remove(world.engine, "after_cursor_execute", note)


def test_only_the_one_person_is_matched(world: World, rows_matched: list[int]) -> None:
    for number in range(5):
        world.person(f"person{number}", ASTHMA, condition(f"Condition {number}"))
    world.event(ASTHMA)
    world.run("daily", NOON + days(1))
    world.event(ASTHMA)
    rows_matched.clear()
    assert look(world, "person3").content is not None
    assert rows_matched == [1, 1]
