"""A letter whose outcome nobody knows is sent again, with the same link, and ends in a state."""

from datetime import timedelta
from uuid import UUID

import pytest

from notifier.delivery import letter_claims
from notifier.delivery.claiming import LEASE, begin_calls, claim_batches, claim_letters
from notifier.delivery.contents import load_contents
from notifier.delivery.listing import list_deliveries
from notifier.delivery.providers import Outcome
from notifier.delivery.recording import record
from notifier.delivery.settling import settle_unknown
from notifier.delivery.story import delivery_story, person_story
from notifier.delivery.sweeping import expire_leases
from tests.delivery.mailroom import key_of, post_confirm, post_to, send_letters, state_of
from tests.delivery.office import ASTHMA, Office
from tests.delivery.scripted import Answer
from tests.world import condition

GOUT = condition("Gout")
HOUR = timedelta(hours=1)


def always(outcome: Outcome) -> Answer:
    return lambda batch: outcome


def sweep(office: Office) -> None:
    engine, most = office.world.engine, office.world.settings.max_attempts
    expire_leases(engine, now=office.clock(), repeatable=frozenset(), max_attempts=most)
    settle_unknown(engine, now=office.clock(), max_attempts=most, grace=timedelta(minutes=15))


def test_in_doubt_it_is_sent_again_with_the_same_link(office: Office) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    office.provider.answers = [always(Outcome("unknown", reason="no answer"))]
    send_letters(office)
    assert state_of(office, letter) == ("retrying", "no answer")
    send_letters(office, HOUR)
    first, second = office.provider.batches
    assert first == second
    assert state_of(office, letter) == ("accepted", None)


def test_an_outcome_for_its_one_reader_is_that_of_the_letter(office: Office) -> None:
    """SMTP speaks of each person; a letter stays in the batch that it was posted in."""
    letter = post_confirm(office, "zoe", GOUT)
    office.provider.answers = [
        lambda batch: Outcome("fault", deferred={batch.recipients[0].delivery_id: "try later"}),
        lambda batch: Outcome("unknown", unknown={batch.recipients[0].delivery_id: "cut off"}),
    ]
    send_letters(office)
    assert state_of(office, letter) == ("retrying", "try later")
    send_letters(office, HOUR)
    assert state_of(office, letter) == ("retrying", "cut off")
    send_letters(office, HOUR)
    assert state_of(office, letter) == ("accepted", None)
    assert office.sql("SELECT count(*) FROM batches WHERE mail = 'confirm'") == [(1,)]


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (always(Outcome("unknown", reason="no answer")), ("failed", "no answer")),
        (always(Outcome("refused", reason="too large")), ("failed", "too large")),
        (
            lambda batch: Outcome("refused_named", refused={batch.recipients[0].delivery_id: "bad address"}),
            ("failed", "bad address"),
        ),
        (always(Outcome("refused_unnamed", reason="Bad Request")), ("failed", "Bad Request")),
    ],
)
def test_it_ends_in_a_state_whatever_the_provider_answers(
    office: Office, answer: Answer, state: tuple[str, str]
) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    office.provider.answers = [answer] * 40
    for _ in range(40):  # a refusal that names nobody may be a fault of ours, and is waited out for a day
        send_letters(office, 2 * HOUR)
        sweep(office)
    assert state_of(office, letter) == state
    assert office.provider.calls <= 12


def test_a_worker_that_dies_in_the_call_leaves_it_to_the_next_and_in_the_end_it_has_failed(
    office: Office,
) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    for _ in range(office.world.settings.max_attempts):
        (claim,) = claim_letters(office.world.engine, office.provider, now=office.clock(), limit=9)
        with office.world.engine.begin() as conn:
            begin_calls(conn, [claim], office.clock(), office.clock() + LEASE)
        assert state_of(office, letter) == ("sending", None)
        office.clock.now += 2 * LEASE
        sweep(office)
        office.clock.now += HOUR
    assert state_of(office, letter)[0] == "failed"


def test_what_a_dead_workers_call_came_to_counts_when_it_is_heard_of_late(office: Office) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    (claim,) = claim_letters(office.world.engine, office.provider, now=office.clock(), limit=9)
    with office.world.engine.begin() as conn:
        begin_calls(conn, [claim], office.clock(), office.clock() + LEASE)
    office.clock.now += 2 * LEASE
    sweep(office)
    with office.world.engine.begin() as conn:
        record(conn, [(claim, Outcome("accepted"))], now=office.clock(), settings=office.world.settings)
    send_letters(office)
    assert state_of(office, letter) == ("accepted", None)
    assert office.provider.calls == 0


def test_an_event_of_the_webhook_proves_that_it_need_not_be_sent_again(office: Office) -> None:
    letter = post_confirm(office, "zoe", GOUT)
    office.provider.answers = [always(Outcome("unknown", reason="no answer"))]
    send_letters(office)
    office.sql(
        """INSERT INTO feedback_events (event_id, delivery_id, kind, occurred_at, received_at)
           VALUES ('e', :id, 'processed', :now, :now)""",
        id=letter,
        now=office.clock(),
    )
    send_letters(office, HOUR)
    assert state_of(office, letter)[0] == "accepted"
    assert office.provider.calls == 1


def test_a_letter_whose_reader_was_erased_after_the_claim_goes_nowhere(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = post_to(office, "anna", "manage_link")
    monkeypatch.setattr("notifier.delivery.contents.load_letters", lambda conn, ids: {})
    send_letters(office)
    assert state_of(office, letter) == ("skipped", "erased")
    assert office.provider.calls == 0


def test_operators_find_a_letter_in_the_list_in_its_story_and_in_that_of_its_reader(office: Office) -> None:
    asked, link = post_confirm(office, "anna", GOUT), post_to(office, "anna", "manage_link")
    send_letters(office)
    with office.world.engine.connect() as conn:
        listed = list_deliveries(conn, state="accepted", run=None, failure_class=None, limit=50)
        assert {(row.id, row.run) for row in listed} == {(asked, "confirm"), (link, "manage_link")}
        story = delivery_story(conn, asked)
        assert story
        assert (story["mail"], story["run"], story["state"]) == ("confirm", None, "accepted")
        mails = [(row["id"], row["mail"]) for row in person_story(conn, key_of("anna"))]
    assert {(asked, "confirm"), (link, "manage_link")} < set(mails)
    assert len(mails) == 3


def test_letters_are_found_by_their_own_index_however_many_digests_wait(office: Office) -> None:
    office.sql(
        """INSERT INTO batches (run_id, edition_id, size, next_attempt_at, created_at)
           SELECT run_id, edition_id, 1, next_attempt_at, created_at FROM batches, generate_series(1, 20000)"""
    )
    office.sql(
        """INSERT INTO batches (mail, size, state, next_attempt_at, created_at)
           SELECT 'confirm', 1, 'accepted', now(), now() FROM generate_series(1, 5000)"""
    )
    office.sql("ANALYZE batches")
    plan = "\n".join(
        str(row[0])
        for row in office.sql(
            """EXPLAIN SELECT id FROM batches WHERE state IN ('planned', 'retrying') AND run_id IS NULL
                 AND next_attempt_at <= now() ORDER BY next_attempt_at, id LIMIT 50 FOR UPDATE SKIP LOCKED"""
        )
    )
    assert "ix_batches_due_letters" in plan
    assert "Seq Scan" not in plan


def test_a_claim_of_everything_takes_letters_and_digests_together(office: Office) -> None:
    letter: UUID = post_confirm(office, "zoe", ASTHMA)
    claims = claim_batches(office.world.engine, office.provider, now=office.clock(), limit=50) or []
    assert [claim.is_letter for claim in claims] == [True, False]
    with office.world.engine.connect() as conn:
        assert not letter_claims.has_due_letters(conn, office.clock())
        assert set(load_contents(conn, claims)) == {claim.batch_id for claim in claims}
    assert [person.delivery_id for person in claims[0].recipients] == [letter]
