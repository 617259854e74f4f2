"""The welcome: what somebody follows, once they have confirmed it."""

import pytest

from notifier.delivery.providers import Outcome
from notifier.digests.tags import MANAGE_TAG
from notifier.ops.retention import retain
from tests.delivery.mailroom import post_confirm, post_to, send_letters, state_of
from tests.delivery.office import Office
from tests.world import condition, days

GOUT = condition("Gout")


def test_a_welcome_names_all_that_its_reader_follows_and_leads_to_their_own_page(office: Office) -> None:
    post_confirm(office, "anna", GOUT, known=False)
    office.sql("UPDATE targets SET known = false")
    office.sql(
        """INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
           SELECT s.id, t.id, 4, 0, now(), 'page' FROM subscribers s, targets t
           WHERE s.email = 'anna@example.org' AND t.label = 'Gout'"""
    )
    post_to(office, "anna", "welcome")
    send_letters(office)
    (batch,) = (one for one in office.provider.batches if one.subject == "Your updates are set up")
    for words in ("Asthma", "Gout", "once a day"):
        assert words in batch.text
        assert words in batch.html
    assert [set(person.links) for person in batch.recipients] == [{MANAGE_TAG}]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("UPDATE subscribers SET state = 'stopped', stopped_at = now()", "stopped"),
        (
            "INSERT INTO suppressions SELECT email_key, 'complaint', NULL, now() FROM subscribers",
            "suppressed",
        ),
        ("INSERT INTO suppressions SELECT email_key, 'bounced', NULL, now() FROM subscribers", "suppressed"),
        ("UPDATE subscriptions SET ended_at = now()", "nothing followed any more"),
    ],
)
def test_a_welcome_does_not_go_to_whoever_has_left_meanwhile(
    office: Office, change: str, reason: str
) -> None:
    letter = post_to(office, "anna", "welcome")
    office.sql(change)
    send_letters(office)
    assert state_of(office, letter) == ("skipped", reason)


def test_a_welcome_goes_once_until_somebody_has_left_and_come_back(office: Office) -> None:
    first, second = post_to(office, "anna", "welcome"), post_to(office, "anna", "welcome")
    send_letters(office)
    assert state_of(office, first) == ("accepted", None)
    assert state_of(office, second) == ("skipped", "welcomed already")
    office.clock.now += days(1)
    note = """INSERT INTO subscription_changes (subscriber_id, at, action, via)
              SELECT id, :now, 'stop_all', 'manage' FROM subscribers WHERE email = 'anna@example.org'"""
    office.sql(note, now=office.clock())
    office.clock.now += days(1)
    back = post_to(office, "anna", "welcome")
    send_letters(office)
    assert state_of(office, back) == ("accepted", None)


def test_who_came_long_ago_is_not_welcomed_when_the_letter_is_forgotten(office: Office) -> None:
    came = """INSERT INTO subscription_changes (subscriber_id, at, action, via)
              SELECT id, :now, 'confirm', 'confirm' FROM subscribers WHERE email = 'anna@example.org'"""
    office.sql(came, now=office.clock())
    first = post_to(office, "anna", "welcome")
    send_letters(office)
    assert state_of(office, first) == ("accepted", None)
    office.clock.now += days(400)
    office.world.tick(office.clock())
    retain(office.world.engine, office.world.settings, clock=office.clock)
    assert office.sql("SELECT count(*) FROM deliveries WHERE id = :id", id=first) == [(0,)]
    office.sql(came, now=office.clock())
    second = post_to(office, "anna", "welcome")
    send_letters(office)
    assert state_of(office, second) == ("skipped", "came long ago")


def test_a_welcome_in_doubt_is_not_sent_again(office: Office) -> None:
    letter = post_to(office, "anna", "welcome")
    office.provider.answers = [lambda batch: Outcome("unknown", reason="no answer")]
    send_letters(office)
    send_letters(office, days(1))
    assert state_of(office, letter) == ("skipped", "may have come already")
    assert office.provider.calls == 1
