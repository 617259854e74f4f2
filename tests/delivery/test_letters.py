"""A letter is on its way at once, whatever else waits, and to nobody who must not get it."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from notifier.delivery import brakes, sending
from notifier.delivery.letters import post_letter
from notifier.delivery.providers import Outcome
from notifier.digests.tags import CONFIRM_TAG, MANAGE_TAG
from notifier.links.timed import TimedLinks
from tests.delivery.mailroom import key_of, post_confirm, post_to, send_letters, state_of
from tests.delivery.office import ASTHMA, Office
from tests.world import condition, days

GOUT = condition("Gout")
MINUTE = timedelta(minutes=1)


def subjects(office: Office) -> list[str]:
    return [batch.subject for batch in office.provider.batches]


def test_a_letter_goes_before_the_digests_that_waited_longer(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sending, "CALLS_IN_FLIGHT", 1)
    office.clock.now += days(1)
    post_confirm(office, "zoe", GOUT)
    office.send()
    assert subjects(office) == ["About your email updates", "1 new study for you"]
    assert office.states() == {"accepted": 9}


def test_whoever_sends_letters_alone_leaves_the_digests(office: Office) -> None:
    post_confirm(office, "zoe", GOUT)
    send_letters(office)
    assert office.states() == {"accepted": 1, "planned": 8}


def test_a_confirm_letter_names_what_was_asked_and_holds_the_link_to_confirm_it(office: Office) -> None:
    post_confirm(office, "zoe", GOUT, frequency="weekly")
    send_letters(office)
    (batch,) = office.provider.batches
    assert batch.category == "account"
    assert "Gout" in batch.text
    assert "once a week" in batch.text
    (person,) = batch.recipients
    assert person.email == "zoe@example.org"
    assert set(person.links) == {CONFIRM_TAG}
    assert "Gout" not in batch.subject
    token = person.links[CONFIRM_TAG].rpartition("/")[2]
    ((public_id,),) = office.sql("SELECT public_id FROM sign_ups")
    assert TimedLinks(["k" * 32], "", "confirm").read(token, office.clock() + timedelta(days=7)) == public_id


def test_whoever_follows_all_of_it_already_is_told_so_instead_of_asked(office: Office) -> None:
    post_confirm(office, "anna", ASTHMA)
    send_letters(office)
    (batch,) = office.provider.batches
    assert batch.subject == "About your email updates"
    (person,) = batch.recipients
    assert set(person.links) == {MANAGE_TAG}
    token = person.links[MANAGE_TAG].rpartition("/")[2]
    ((public_id,),) = office.sql("SELECT public_id FROM subscribers WHERE email = 'anna@example.org'")
    assert TimedLinks(["k" * 32], "", "manage").read(token, office.clock()) == public_id


def test_a_letter_holds_no_words_that_a_stranger_typed(office: Office) -> None:
    post_confirm(office, "zoe", GOUT, condition("Call this number"), known=False)
    send_letters(office)
    (batch,) = office.provider.batches
    for part in (batch.text, batch.html):
        assert "2 conditions that you typed" in " ".join(part.split())
        assert "Gout" not in part
        assert "number" not in part


def test_what_the_reader_follows_already_is_named_whoever_typed_it_first(office: Office) -> None:
    post_confirm(office, "anna", ASTHMA, GOUT, known=False)
    office.sql("UPDATE targets SET known = false")
    send_letters(office)
    (batch,) = office.provider.batches
    assert "Asthma" in batch.text
    assert "a condition that you typed" in " ".join(batch.text.split())


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE subscribers SET state = 'stopped', stopped_at = now()",
        "UPDATE subscriptions SET ended_at = now()",
        "UPDATE subscriptions SET reach = 3",
        "UPDATE schedules SET frequency = 'weekly', weekday = 1",
        "INSERT INTO suppressions SELECT email_key, 'complaint', NULL, now() FROM subscribers",
    ],
)
def test_whoever_lacks_any_of_it_is_asked_to_confirm(office: Office, change: str) -> None:
    office.sql(change)
    post_confirm(office, "anna", ASTHMA)
    send_letters(office)
    (batch,) = office.provider.batches
    assert [set(person.links) for person in batch.recipients] == [{CONFIRM_TAG}]


def test_letters_do_not_wait_for_the_rate_but_count_in_it(office: Office) -> None:
    office.world.settings = office.world.settings.model_copy(update={"send_rate": 1})
    with office.world.engine.begin() as conn:
        conn.execute(text("INSERT INTO send_budget VALUES (1, 0, :now)"), {"now": office.clock()})
    for name in ("yan", "zoe"):
        post_confirm(office, name, GOUT)
    send_letters(office)
    assert office.provider.calls == 2
    assert office.sql("SELECT mails FROM send_budget") == [(-2,)]


def test_letters_go_while_too_many_complaints_hold_the_digests(office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "unwelcome", "too many complaints", now=office.clock())
    post_confirm(office, "zoe", GOUT)
    office.send()
    assert office.states() == {"accepted": 1, "planned": 8}


@pytest.mark.parametrize("brake", ["paused", "throttled", "breaker"])
def test_a_pause_a_throttle_and_the_breaker_hold_letters_too(office: Office, brake: str) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, brake, "for a reason", now=office.clock(), until=office.clock() + MINUTE)
    letter = post_confirm(office, "zoe", GOUT)
    send_letters(office)
    assert state_of(office, letter) == ("planned", None)


def test_a_look_for_letters_where_there_are_none_leaves_the_breakers_probe_to_others(office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "no credits", now=office.clock(), until=office.clock())
    send_letters(office)
    office.send()
    assert office.provider.calls == 1


def test_a_letter_is_the_probe_where_one_waits(office: Office) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "breaker", "no credits", now=office.clock(), until=office.clock())
    post_confirm(office, "zoe", GOUT)
    office.provider.answers = [lambda batch: Outcome("account", reason="no credits")]
    office.send()
    assert subjects(office) == ["About your email updates"]
    assert office.states() == {"planned": 8, "retrying": 1}


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("UPDATE sign_ups SET refused_at = now()", ("skipped", "refused")),
        (
            "UPDATE sign_ups SET confirmed_at = now(), subscriber_id = (SELECT min(id) FROM subscribers)",
            ("skipped", "confirmed"),
        ),
        (
            "UPDATE batches SET created_at = created_at - interval '8 days'",
            ("skipped", "its link is too old"),
        ),
        ("DELETE FROM sign_ups", ("skipped", "erased")),
        ("SELECT 1", ("accepted", None)),
    ],
)
def test_a_confirm_letter_goes_while_its_sign_up_is_open(
    office: Office, change: str, state: tuple[str, str | None]
) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    office.sql(change)
    send_letters(office)
    assert state_of(office, letter) == state


@pytest.mark.parametrize(
    ("reason", "mail", "goes"),
    [
        ("unsubscribed", "confirm", True),
        ("complaint", "confirm", True),
        ("bounced", "confirm", True),
        ("operator", "confirm", False),
        ("unsubscribed", "manage_link", True),
        ("complaint", "manage_link", True),
        ("erased", "manage_link", True),
        ("bounced", "manage_link", False),
        ("soft bounces", "manage_link", False),
        ("invalid", "manage_link", False),
        ("operator", "manage_link", False),
        ("complaint", "stopped", False),
        ("unsubscribed", "stopped", False),
    ],
)
def test_the_do_not_mail_list_keeps_back_what_was_not_asked_for_or_would_not_arrive(
    office: Office, reason: str, mail: str, goes: bool
) -> None:
    office.sql("UPDATE subscribers SET state = 'stopped', stopped_at = :now", now=office.clock() - MINUTE)
    office.sql(
        "INSERT INTO suppressions VALUES (:key, :reason, NULL, now())", key=key_of("anna"), reason=reason
    )
    letter = post_confirm(office, "anna", GOUT) if mail == "confirm" else post_to(office, "anna", mail)
    send_letters(office)
    assert state_of(office, letter) == (("accepted", None) if goes else ("skipped", "suppressed"))


@pytest.mark.parametrize(
    ("no", "wait"),
    [
        ("UPDATE sign_ups SET refused_at = :now", days(30)),
        ("INSERT INTO suppressions VALUES (:key, 'complaint', NULL, :now)", days(30)),
        ("INSERT INTO suppressions VALUES (:key, 'erased', NULL, :now)", days(30)),
        ("INSERT INTO suppressions VALUES (:key, 'bounced', NULL, :now)", days(7)),
        ("INSERT INTO suppressions VALUES (:key, 'invalid', NULL, :now)", days(7)),
    ],
)
def test_whoever_said_no_is_asked_once_in_a_while_and_no_more(
    office: Office, no: str, wait: timedelta
) -> None:
    def ask_after(pause: timedelta) -> tuple[object, ...]:
        office.clock.now += pause
        letter = post_confirm(office, "zoe", GOUT)
        send_letters(office)
        return state_of(office, letter)

    assert ask_after(MINUTE) == ask_after(MINUTE) == ("accepted", None)
    office.sql(
        no if ":key" not in no else no.replace(":key", f"'\\x{key_of('zoe').hex()}'"), now=office.clock.now
    )
    assert ask_after(MINUTE) == ("accepted", None)
    assert (
        ask_after(MINUTE)
        == ask_after(wait - 3 * MINUTE)
        == ("skipped", "said no, and asked once more already")
    )
    assert ask_after(3 * MINUTE) == ("accepted", None)


def test_a_sign_up_from_before_everything_was_stopped_is_not_asked_about(office: Office) -> None:
    letter = post_confirm(office, "anna", GOUT)
    office.sql("UPDATE subscribers SET state = 'stopped', stopped_at = :now", now=office.clock() + MINUTE)
    send_letters(office)
    assert state_of(office, letter) == ("skipped", "stopped since")


def test_the_receipt_goes_once_and_only_to_whoever_is_still_stopped(office: Office) -> None:
    active = post_to(office, "ben", "stopped")
    office.sql(
        "UPDATE subscribers SET state = 'stopped', stopped_at = :now WHERE email = 'anna@example.org'",
        now=office.clock(),
    )
    first, again = post_to(office, "anna", "stopped"), post_to(office, "anna", "stopped")
    send_letters(office)
    assert state_of(office, active) == ("skipped", "not stopped any more")
    assert state_of(office, first) == ("accepted", None)
    assert state_of(office, again) == ("skipped", "told already")


def test_a_letter_with_a_date_waits_for_it(office: Office) -> None:
    with office.world.engine.begin() as conn:
        letter = post_letter(
            conn, "manage_link", now=office.clock(), at=office.clock() + MINUTE, subscriber_id=1
        )
    send_letters(office)
    assert state_of(office, letter) == ("planned", None)
    office.clock.now += MINUTE
    send_letters(office)
    assert state_of(office, letter) == ("accepted", None)


def test_a_letter_is_about_a_sign_up_or_to_a_subscriber(office: Office) -> None:
    with office.world.engine.begin() as conn, pytest.raises(ValueError, match="sign-up"):
        post_letter(conn, "confirm", now=office.clock(), subscriber_id=1)
    with office.world.engine.begin() as conn, pytest.raises(ValueError, match="sign-up"):
        post_letter(conn, "manage_link", now=office.clock())
