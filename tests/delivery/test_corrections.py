"""A wrong mail went out: those who got it are told, once each, and nobody else is."""

from datetime import timedelta
from typing import Any

import pytest

from notifier.delivery.corrections import PlannedCorrection, plan_correction
from notifier.delivery.providers import Outcome
from notifier.delivery.readers import of_editions, of_event, of_run
from notifier.delivery.settling import settle_unknown
from notifier.delivery.sweeping import expire_leases, has_due_batches
from notifier.errors import NotifierError
from notifier.subscriptions.stopping import stop_all
from tests.delivery.office import ASTHMA, PEOPLE, Office, everybody_once
from tests.world import condition, days

GIVEN: dict[str, Any] = {"with_doubt": False, "actor": "command line", "note": "the import was wrong"}
WORDS = "We said that the study is open. It has not opened yet."
SUBJECT = "A correction to an email we sent you"


def correct(
    office: Office,
    words: str = WORDS,
    *,
    with_doubt: bool = False,
    dry: bool = False,
    edition: int | None = None,
) -> PlannedCorrection:
    engine = office.world.engine
    with engine.connect() as conn:
        ((first,),) = office.sql("SELECT min(edition_id) FROM batches WHERE mail = 'digest'")
        readers = of_editions(conn, [edition or first])
    return plan_correction(
        engine,
        readers,
        words,
        with_doubt=with_doubt,
        actor="command line",
        note="the import was wrong",
        now=office.clock(),
        settings=office.world.settings,
        dry=dry,
    )


def corrected(office: Office) -> list[str]:
    """Whom the provider took a correction for, each as often as it did."""
    return sorted(
        person.email.partition("@")[0]
        for batch in office.provider.batches
        if batch.subject == SUBJECT
        for person in batch.recipients
    )


def test_everybody_who_got_the_edition_gets_the_correction_and_nobody_else(office: Office) -> None:
    office.world.person("zoe", condition("Gout"))
    office.send()
    assert office.provider.mailed == everybody_once()
    planned = correct(office)
    assert (planned.people, planned.run) == (8, "correction/1")
    office.send()
    assert corrected(office) == PEOPLE
    batch = office.provider.batches[-1]
    assert WORDS in batch.text
    assert batch.category == "digest"
    assert all(person.unsubscribe_url for person in batch.recipients)
    assert office.sql(
        "SELECT mail, count(*) FROM delivery_states WHERE state = 'accepted' GROUP BY 1 ORDER BY 1"
    ) == [
        ("correction", 8),
        ("digest", 8),
    ]
    assert office.sql("SELECT actor, action, subject, note FROM operator_actions") == [
        ("command line", "correction_sent", "correction/1", "the import was wrong")
    ]


def test_asked_for_twice_it_goes_once(office: Office) -> None:
    office.send()
    correct(office)
    again = correct(office)
    assert (again.people, again.already, again.run) == (0, 8, None)
    office.send()
    assert correct(office).people == 0
    office.send()
    assert corrected(office) == PEOPLE
    assert len(office.sql("SELECT 1 FROM operator_actions")) == 1


def test_the_same_words_by_another_choice_go_to_those_who_have_not_had_them(office: Office) -> None:
    """First one edition, then it turns out that others told of it, too."""
    office.world.person("zoe", ASTHMA, condition("Gout"))
    office.send()
    correct(office)
    office.world.event(ASTHMA, nct_id="NCT00000001")
    office.clock.now += days(1)
    office.world.run("daily", office.clock())
    office.send()
    with office.world.engine.connect() as conn:
        editions = office.sql("SELECT DISTINCT edition_id FROM batches WHERE mail = 'digest'")
        both = of_editions(conn, [row[0] for row in editions])  # type: ignore[misc]
    told = {**GIVEN, "now": office.clock(), "settings": office.world.settings}
    assert plan_correction(office.world.engine, both, "It opens in May.", **told, dry=True).people == 9
    planned = plan_correction(office.world.engine, both, WORDS, **told)
    assert (planned.people, planned.already) == (1, 8)
    office.send()
    assert corrected(office) == [*PEOPLE, "zoe"]


def test_a_dry_run_counts_and_writes_nothing(office: Office) -> None:
    office.send()
    planned = correct(office, dry=True)
    assert (planned.people, planned.run) == (8, None)
    for table in ("corrections", "operator_actions"):
        assert office.sql(f"SELECT count(*) FROM {table}") == [(0,)]
    assert office.sql("SELECT count(*) FROM runs") == [(1,)]


def test_another_text_is_another_correction_and_the_operator_is_told_of_the_first(office: Office) -> None:
    office.send()
    assert correct(office).earlier == 0
    second = correct(office, "It opens in May.")
    assert (second.people, second.earlier, second.run) == (8, 1, "correction/2")


def test_who_stopped_or_must_not_be_mailed_is_left_out_and_the_ledger_says_why(office: Office) -> None:
    office.send()
    ((anna,),) = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna@%'")
    with office.world.engine.begin() as conn:
        stop_all(conn, anna, reason="one_click", now=office.clock())  # type: ignore[arg-type]
    office.sql(
        """INSERT INTO suppressions (email_key, reason, created_at)
           SELECT email_key, 'complaint', now() FROM subscribers WHERE email LIKE 'ben@%'"""
    )
    planned = correct(office)
    assert (planned.people, planned.stopped, planned.suppressed) == (8, 1, 1)
    office.send()
    assert corrected(office) == PEOPLE[2:]
    reasons = "SELECT reason FROM delivery_states WHERE mail = 'correction' AND state = 'skipped' ORDER BY 1"
    assert office.sql(reasons) == [("stopped",), ("suppressed",)]


def test_who_stops_while_it_waits_does_not_get_it(office: Office) -> None:
    office.send()
    correct(office)
    ((anna,),) = office.sql("SELECT public_id FROM subscribers WHERE email LIKE 'anna@%'")
    with office.world.engine.begin() as conn:
        stop_all(conn, anna, reason="one_click", now=office.clock())  # type: ignore[arg-type]
    office.send()
    assert corrected(office) == PEOPLE[1:]


def test_a_pause_does_not_hold_it(office: Office) -> None:
    office.send()
    office.sql("UPDATE subscribers SET paused_until = :until", until=office.clock() + days(30))
    correct(office)
    office.send()
    assert corrected(office) == PEOPLE


def test_who_is_erased_is_not_looked_for(office: Office) -> None:
    office.send()
    office.sql(
        """UPDATE deliveries SET subscriber_id = NULL
           WHERE subscriber_id = (SELECT id FROM subscribers WHERE email LIKE 'anna@%')"""
    )
    assert correct(office).people == 7


def test_who_may_have_got_it_is_told_only_if_asked_for(office: Office) -> None:
    office.provider.answers = [
        lambda batch: Outcome("accepted", unknown={batch.recipients[0].delivery_id: "timed out"})
    ]
    office.send()
    assert office.states() == {"accepted": 7, "unknown": 1}
    planned = correct(office)
    assert (planned.people, planned.in_doubt) == (7, 1)
    planned = correct(office, with_doubt=True)
    assert (planned.people, planned.already) == (1, 7)
    office.send()
    assert corrected(office) == PEOPLE


@pytest.mark.parametrize("state", ["bounced", "dropped", "failed", "skipped"])
def test_whom_it_never_reached_is_not_bothered(office: Office, state: str) -> None:
    office.send()
    office.sql(
        """UPDATE deliveries SET state = :state WHERE subscriber_id =
           (SELECT id FROM subscribers WHERE email LIKE 'anna@%')""",
        state=state,
    )
    assert correct(office).people == 7


def test_whom_it_has_not_reached_yet_gets_the_correction_when_it_is_asked_for_again(office: Office) -> None:
    planned = correct(office)
    assert (planned.people, planned.on_its_way, planned.run) == (0, 8, None)
    assert office.sql("SELECT count(*) FROM corrections") == [(0,)]
    office.send()
    assert correct(office).people == 8


def test_it_goes_out_by_the_ledgers_rules(office: Office) -> None:
    """Put off, in doubt, halved: as a digest is, and never as a letter, which would come twice."""
    office.send()
    correct(office)
    office.provider.answers = [
        lambda _: Outcome("refused_unnamed", reason="somebody"),
        lambda _: Outcome("fault", reason="HTTP 503"),
        lambda _: Outcome("unknown", reason="timed out"),
    ]
    office.send()
    office.later(timedelta(minutes=10))
    assert office.sql(
        "SELECT state, count(*) FROM delivery_states WHERE mail = 'correction' GROUP BY 1 ORDER BY 1"
    ) == [
        ("accepted", 4),
        ("unknown", 4),
    ]
    settled = settle_unknown(
        office.world.engine, now=office.clock(), max_attempts=5, grace=timedelta(hours=1)
    )
    assert settled == {"accepted": 0, "retrying": 0}
    assert not has_due_batches(office.world.engine, office.clock())


def test_a_worker_that_dies_in_the_call_leaves_it_in_doubt(office: Office) -> None:
    office.send()
    correct(office)
    office.sql(
        """UPDATE batches SET state = 'sending', attempts = 1, provider = 'sendgrid', called_at = now(),
                  attempted_at = now(), lease_until = now() WHERE mail = 'correction'"""
    )
    lost = expire_leases(
        office.world.engine, now=office.clock(), repeatable=frozenset({"outbox"}), max_attempts=5
    )
    assert lost == {"unknown": 1}


def test_the_frame_is_in_the_readers_own_language(office: Office) -> None:
    office.send()
    office.sql("UPDATE subscribers SET locale = 'de' WHERE email LIKE 'anna@%'")
    correct(office)
    office.send()
    assert corrected(office) == PEOPLE
    assert office.sql(
        "SELECT locale, size FROM batches JOIN editions e ON e.id = edition_id WHERE mail = 'correction' ORDER BY 2"
    ) == [("de", 1), ("en", 7)]


def test_an_edition_of_another_run_counts_too_and_a_run_can_be_corrected_alone(office: Office) -> None:
    """What a person got twice is corrected once."""
    office.send()
    office.world.event(ASTHMA)
    office.clock.now += days(1)
    ((key,),) = office.sql("SELECT key FROM runs")
    office.world.run("daily", office.clock.now)
    office.send()
    engine = office.world.engine
    with engine.connect() as conn:
        both = of_editions(conn, [row[0] for row in office.sql("SELECT id FROM editions")])  # type: ignore[misc]
        one = of_run(conn, str(key))
        told = of_event(conn, 1)
    for readers in (both, one, told):
        planned = plan_correction(
            engine,
            readers,
            WORDS,
            with_doubt=False,
            actor="operator",
            note="why",
            now=office.clock(),
            settings=office.world.settings,
            dry=True,
        )
        assert planned.people == 8


def test_what_there_is_not_is_named(office: Office) -> None:
    with office.world.engine.connect() as conn:
        for find in (
            lambda: of_editions(conn, [1, 99]),
            lambda: of_event(conn, 99),
            lambda: of_run(conn, "x"),
        ):
            with pytest.raises(NotifierError, match=r"There is no"):
                find()
