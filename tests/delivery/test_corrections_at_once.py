"""Corrections while something else happens: two operators, a kill, an erasure."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from sqlalchemy import text

from notifier.delivery import corrections
from notifier.subscriptions.personal_data import erase_person
from notifier.subscriptions.schedules import Rhythm, ensure_schedules
from tests.delivery.mailroom import key_of
from tests.delivery.office import PEOPLE, Office
from tests.delivery.test_corrections import correct, corrected


def test_two_operators_at_once_send_it_once(office: Office) -> None:
    office.send()
    barrier = Barrier(2)

    def operator(_: int) -> int:
        barrier.wait()
        return correct(office).people

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(operator, range(2))) == [0, 8]
    office.send()
    assert corrected(office) == PEOPLE


def test_killed_while_it_is_planned_it_leaves_nothing_and_can_be_asked_for_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.send()
    with monkeypatch.context() as patched:
        patched.setattr(corrections, "note_action", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            correct(office)
    assert office.sql("SELECT count(*) FROM deliveries") == [(8,)]
    assert office.sql("SELECT count(*) FROM corrections") == [(0,)]
    assert correct(office).people == 8


def test_killed_between_two_parts_it_goes_on_where_it_was(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.send()
    monkeypatch.setattr(corrections, "PEOPLE_AT_A_TIME", 3)
    write, parts = corrections.write_deliveries, []

    def killed(*given):  # type: ignore[no-untyped-def]
        parts.append(given)
        return 1 / 0 if len(parts) == 2 else write(*given)

    with monkeypatch.context() as patched:
        patched.setattr(corrections, "write_deliveries", killed)
        with pytest.raises(ZeroDivisionError):
            correct(office)
    office.send()
    assert corrected(office) == PEOPLE[:3]
    again = correct(office)
    assert (again.people, again.already, again.run) == (5, 3, "correction/1")
    office.send()
    assert corrected(office) == PEOPLE
    assert office.sql("SELECT sum(size) FROM batches WHERE mail = 'correction'") == [(8,)]


def test_who_moves_to_another_hour_just_then_gets_it_too(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their new schedule is not held, so they have to wait for the next round."""
    office.send()
    engine, write = office.world.engine, corrections.hold_schedules_of

    def moved(*given):  # type: ignore[no-untyped-def]
        monkeypatch.undo()
        held = write(*given)
        with engine.begin() as conn:
            (elsewhere,) = ensure_schedules(
                conn, {Rhythm("daily", "UTC", 9)}, head=0, now=office.clock()
            ).values()
            move = "UPDATE subscribers SET schedule_id = :id WHERE email LIKE 'anna@%'"
            conn.execute(text(move), {"id": elsewhere})
        return held

    monkeypatch.setattr(corrections, "hold_schedules_of", moved)
    assert correct(office).people == 8
    office.send()
    assert corrected(office) == PEOPLE


def test_nobody_is_erased_between_being_chosen_and_written_down(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A delivery that names somebody who is gone would never be cleared of them."""
    office.send()
    engine = office.world.engine

    def erase() -> None:
        with engine.begin() as conn:
            assert erase_person(conn, key_of("anna"), now=office.clock())

    write = corrections.write_deliveries
    with ThreadPoolExecutor(1) as pool:

        def meanwhile(*given):  # type: ignore[no-untyped-def]
            erasing.append(pool.submit(erase))
            with pytest.raises(TimeoutError):
                erasing[0].result(timeout=0.5)
            return write(*given)

        erasing = []
        monkeypatch.setattr(corrections, "write_deliveries", meanwhile)
        assert correct(office).people == 8
        erasing[0].result(timeout=30)
    gone = """SELECT count(*) FROM deliveries d WHERE subscriber_id IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM subscribers s WHERE s.id = d.subscriber_id)"""
    assert office.sql(gone) == [(0,)]
    office.send()
    assert corrected(office) == PEOPLE[1:]
