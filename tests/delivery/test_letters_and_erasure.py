"""A letter that is posted while its reader is being erased."""

import threading

from sqlalchemy import text

from notifier.delivery.erasing import erase
from notifier.delivery.letters import post_letter
from tests.delivery.mailroom import key_of, post_to
from tests.delivery.office import Office
from tests.waiting import wait_for


def erase_anna(office: Office) -> None:
    with office.world.engine.begin() as conn:
        assert erase(conn, key_of("anna"), settings=office.world.settings, now=office.clock())


def waiting(office: Office) -> bool:
    return bool(
        office.sql(
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
    )


def pointing_nowhere(office: Office) -> list[tuple[object, ...]]:
    return office.sql(
        """SELECT id FROM deliveries WHERE subscriber_id IS NOT NULL
             AND subscriber_id NOT IN (SELECT id FROM subscribers)"""
    )


def test_the_erasure_waits_for_the_letter_and_takes_the_reader_out_of_it(office: Office):
    ((anna,),) = office.sql("SELECT id FROM subscribers WHERE email = 'anna@example.org'")
    erasing = threading.Thread(target=erase_anna, args=(office,))
    with office.world.engine.begin() as conn:
        assert post_letter(conn, "manage_link", now=office.clock(), subscriber_id=anna)  # type: ignore[arg-type]
        erasing.start()
        wait_for(lambda: waiting(office) or not erasing.is_alive())
    erasing.join(30)
    assert office.sql("SELECT 1 FROM subscribers WHERE email = 'anna@example.org'") == []
    assert pointing_nowhere(office) == []


def test_no_letter_is_posted_to_somebody_who_is_gone(office: Office):
    ((anna,),) = office.sql("SELECT id FROM subscribers WHERE email = 'anna@example.org'")
    erase_anna(office)
    with office.world.engine.begin() as conn:
        assert post_letter(conn, "manage_link", now=office.clock(), subscriber_id=anna) is None  # type: ignore[arg-type]
        assert conn.scalar(text("SELECT count(*) FROM batches WHERE mail = 'manage_link'")) == 0
    assert pointing_nowhere(office) == []


def test_a_letter_that_is_posted_in_time_is_sent(office: Office):
    assert post_to(office, "anna", "manage_link")
    office.send()
    assert office.states() == {"accepted": 9}
