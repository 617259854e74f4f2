"""What is said to be wrong, and that nothing is while all is well."""

from datetime import datetime, timedelta

import pytest

from notifier.delivery import brakes
from notifier.delivery.providers import Outcome
from notifier.ops.heartbeat import QUEUES, beat, last_beats
from notifier.ops.numbers import take_numbers
from notifier.ops.tallies import Tallies
from notifier.ops.troubles import troubles
from notifier.ops.verdict import verdict
from tests.delivery.mailroom import post_to
from tests.delivery.office import Office
from tests.world import days


def alerts(office: Office, later: timedelta = timedelta(0), *, alive: bool = True) -> list[str]:
    now = office.clock() + later
    if alive:
        served(office, now, *QUEUES)
    return said(office, now)


def said(office: Office, now: datetime) -> list[str]:
    return [trouble.alert for trouble in troubles(take_numbers(office.world.engine, now=now))]


def served(office: Office, now: datetime, *queues: str) -> None:
    for queue in queues:
        beat(office.world.engine, now=now, name=queue)


def pull(office: Office, name: str) -> None:
    with office.world.engine.begin() as conn:
        brakes.pull(conn, name, "a reason", now=office.clock())


def test_all_is_well_while_mail_waits_its_turn(office: Office):
    assert alerts(office) == []
    assert alerts(office, timedelta(minutes=25)) == []


def test_mail_that_does_not_move(office: Office):
    assert alerts(office, timedelta(minutes=31)) == ["SendingStalled"]


def test_a_long_queue_that_moves_is_no_trouble(office: Office):
    accepted(office, "correction", office.clock() + timedelta(minutes=50))
    assert alerts(office, timedelta(hours=1)) == []


def accepted(office: Office, mail: str, at: datetime) -> None:
    office.sql(
        """INSERT INTO batches (mail, run_id, edition_id, size, state, next_attempt_at, created_at, ended_at)
           SELECT CAST(:mail AS text), CASE WHEN :mail = 'correction' THEN run_id END,
                  CASE WHEN :mail = 'correction' THEN edition_id END, 1, 'accepted', :at, :at, :at
           FROM batches LIMIT 1""",
        mail=mail,
        at=at,
    )


def test_a_letter_that_goes_out_hides_no_digests_that_do_not(office: Office):
    accepted(office, "welcome", office.clock() + timedelta(minutes=50))
    assert alerts(office, timedelta(hours=1)) == ["SendingStalled"]


def test_a_throttle_excuses_for_two_hours(office: Office):
    with office.world.engine.begin() as conn:
        brakes.pull(conn, "throttled", "HTTP 429", now=office.clock(), until=office.clock() + days(1))
    assert alerts(office, timedelta(minutes=110)) == []
    assert alerts(office, timedelta(hours=3)) == ["SendingStalled"]


def test_letters_that_are_only_ever_put_off_are_late(office: Office):
    put_off(office, "anna", "unreachable")
    assert alerts(office, timedelta(minutes=16)) == ["ConfirmEmailsLate"]


def test_one_mailbox_that_puts_us_off_has_an_hour(office: Office):
    put_off(office, "anna", "fault")
    assert alerts(office, timedelta(minutes=50)) == []
    assert alerts(office, timedelta(minutes=61)) == ["ConfirmEmailsLate"]
    put_off(office, "ben", "fault")
    put_off(office, "carla", "fault")
    assert alerts(office, timedelta(minutes=16)) == ["ConfirmEmailsLate"], "three are the provider's doing"


def put_off(office: Office, name: str, failure: str) -> None:
    office.send()
    post_to(office, name, "manage_link")
    office.sql(
        "UPDATE batches SET state = 'retrying', failure_class = :it, next_attempt_at = :then WHERE run_id IS NULL",
        it=failure,
        then=office.clock() + days(1),
    )


def failed(office: Office, count: int) -> None:
    office.send()
    office.sql(
        "UPDATE batches SET state = 'failed', size = :count, ended_at = :now", count=count, now=office.clock()
    )


@pytest.mark.parametrize(
    ("count", "said"), [(600_000, ["DeliveriesFailed"]), (3, ["DeliveriesFailed"]), (2, [])]
)
def test_mail_that_all_failed_is_a_trouble_for_a_day_and_calls_for_an_hour(
    office: Office, count: int, said: list[str]
):
    failed(office, count)
    assert alerts(office) == said
    assert alerts(office, timedelta(hours=20)) == said
    if said:
        found = [
            troubles(take_numbers(office.world.engine, now=office.clock() + timedelta(minutes=m)))
            for m in (1, 99)
        ]
        assert found[0][0].calls
        assert [one.calls for one in found[1] if one.alert == "DeliveriesFailed"] == [False]
        office.sql("UPDATE batches SET state = 'dropped'")
        assert alerts(office) == [], "somebody has decided"


def test_one_in_a_hundred_that_fails_is_everyday_life(office: Office):
    failed(office, 20)
    accepted(office, "correction", office.clock())
    office.sql("UPDATE batches SET size = 1980 WHERE state = 'accepted'")
    assert alerts(office) == []
    office.sql("UPDATE batches SET size = 1979 WHERE state = 'accepted'")
    assert alerts(office) == ["DeliveriesFailed"]


def test_doubt_is_a_trouble_after_two_hours_and_in_the_sentence_before(office: Office):
    office.provider.answers = [lambda batch: Outcome("unknown")]
    office.send()
    assert alerts(office, timedelta(minutes=110)) == []
    assert sentence(office) == "All is well: no mail due, 8 in doubt."
    assert alerts(office, timedelta(minutes=130)) == ["DeliveriesUnknown"]


def test_what_is_to_be_tried_again_does_not_count_as_nothing(office: Office):
    office.provider.answers = [lambda batch: Outcome("fault", reason="HTTP 500")]
    office.send()
    assert sentence(office) == "All is well: no mail due, 8 to be tried again."


def test_mail_goes_out_is_said_while_it_does(office: Office):
    assert sentence(office) == "All is well: 8 mails due; none went out in the last 5 minutes."
    accepted(office, "correction", office.clock())
    assert sentence(office) == "All is well: 8 mails due, and mail goes out."
    assert sentence(office, timedelta(minutes=6)).endswith("none went out in the last 5 minutes.")


def test_a_run_that_was_paused_is_named_and_after_a_day_it_is_a_trouble(office: Office):
    ((key,),) = office.sql("SELECT key FROM runs")
    with office.world.engine.begin() as conn:
        brakes.pause_run(conn, str(key), now=office.clock())
    assert alerts(office, timedelta(hours=5)) == []
    assert sentence(office) == f"All is well: no mail due, 8 held with the paused run {key}."
    assert "SendingHeld" in alerts(office, timedelta(hours=25))


def test_a_pause_that_was_forgotten_is_told_with_its_age(office: Office):
    pull(office, "paused")
    assert (
        sentence(office, timedelta(hours=5))
        == "An operator paused all sending 5 h ago (a reason); 8 mails due."
    )
    assert alerts(office, timedelta(hours=20)) == []
    found = alerts(office, timedelta(hours=25))
    assert "SendingHeld" in found


def sentence(office: Office, later: timedelta = timedelta(0)) -> str:
    now = office.clock() + later
    served(office, now, *QUEUES)
    return verdict(take_numbers(office.world.engine, now=now)).words


def test_much_mail_that_is_only_ever_put_off(office: Office):
    """Each try fails and sets the next one: nothing need be due, and nobody gets anything."""
    office.sql(
        "UPDATE batches SET state = 'retrying', size = 20, next_attempt_at = :then",
        then=office.clock() + days(1),
    )
    assert alerts(office, timedelta(minutes=31)) == ["SendingStalled"]
    office.sql("UPDATE batches SET size = 3")
    assert alerts(office, timedelta(minutes=31)) == [], (
        "a few slow mailboxes are the provider's everyday life"
    )


def test_an_event_that_was_matched_and_has_not_reached_somebody(office: Office):
    office.send()
    assert alerts(office) == []
    office.sql("UPDATE batches SET state = 'unknown', ended_at = NULL")
    assert alerts(office, timedelta(hours=19)) == ["DeliveriesUnknown"]
    found = alerts(office, timedelta(hours=25))
    assert "EventUndelivered" in found


def test_a_letter_is_late_sooner(office: Office):
    office.send()
    post_to(office, "anna", "manage_link")
    assert alerts(office, timedelta(minutes=16)) == ["ConfirmEmailsLate"]


@pytest.mark.parametrize(("brake", "said"), [("paused", []), ("breaker", ["ProviderAuthFailing"])])
def test_a_letter_that_waits_behind_a_brake_is_no_trouble_of_its_own(
    office: Office, brake: str, said: list[str]
):
    post_to(office, "anna", "manage_link")
    pull(office, brake)
    assert alerts(office, timedelta(minutes=16)) == said


def test_a_run_that_does_not_come(office: Office):
    office.send()
    assert alerts(office, timedelta(hours=21)) == []
    assert alerts(office, timedelta(hours=23)) == ["DigestRunMissing"]


def test_a_silent_scheduler(office: Office):
    office.send()
    assert alerts(office) == []
    assert alerts(office, timedelta(minutes=16), alive=False) == ["BeatSilent"]


def test_a_queue_that_nobody_serves(office: Office):
    office.send()
    served(office, office.clock(), *QUEUES)
    later = office.clock() + timedelta(minutes=20)
    served(office, later, "upkeep", "build", "send")
    assert said(office, later) == ["WorkersDown"]


def test_a_queue_that_was_never_served_is_no_trouble_on_the_first_minutes(office: Office):
    office.send()
    office.sql("UPDATE installation SET installed_at = :now", now=office.clock())
    soon, later = (office.clock() + timedelta(minutes=minutes) for minutes in (10, 20))
    assert said(office, soon) == []
    assert said(office, later) == ["BeatSilent"]
    served(office, later, "upkeep", "build", "send")
    assert said(office, later) == ["WorkersDown"]


def test_a_clock_that_is_ahead_hides_no_silence(office: Office):
    office.send()
    served(office, office.clock() + days(1), *QUEUES)
    assert said(office, office.clock()) == ["BeatSilent"]
    served(office, office.clock(), *QUEUES)
    assert said(office, office.clock()) == []


def test_somebody_who_could_not_unsubscribe(office: Office):
    office.send()
    counted = Tallies()
    counted.add("unsubscribe", "failed")
    counted.flush(office.world.engine, now=office.clock())
    assert alerts(office, timedelta(minutes=9)) == ["UnsubscribeFailing"]
    assert alerts(office, timedelta(minutes=11)) == []


def test_a_refused_key_is_one_trouble_and_an_operators_pause_is_none(office: Office):
    pull(office, "paused")
    assert alerts(office, timedelta(hours=1)) == []
    pull(office, "breaker")
    assert alerts(office, timedelta(hours=1)) == ["ProviderAuthFailing"]


def test_a_beat_that_comes_late_does_not_turn_the_clock_back(office: Office):
    beat(office.world.engine, now=office.clock())
    beat(office.world.engine, now=office.clock() - timedelta(minutes=3))
    with office.world.engine.connect() as conn:
        assert last_beats(conn) == {"upkeep": office.clock()}
