"""From the form to the first digest."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

import pytest

from notifier.languages.catalogue import language_of
from notifier.subscriptions.changing import reschedule
from notifier.subscriptions.consent import consent_words
from notifier.subscriptions.personal_data import erase_person
from notifier.subscriptions.purging import purge_unconfirmed
from notifier.subscriptions.schedules import Rhythm
from notifier.subscriptions.signing_up import find_sign_up, refuse, renew
from notifier.subscriptions.stopping import stop_all
from notifier.subscriptions.wishes import BadWish, study_choices
from tests.subscriptions.desk import Desk
from tests.world import NOON, condition, days

ASTHMA = condition("Asthma")


def store_study(desk: Desk, nct_id: str, title: str, conditions: list[str]) -> None:
    desk.sql(
        """INSERT INTO studies (nct_id, revision, facts, facts_hash, facts_schema, baseline, first_seen_at, stored_at)
           VALUES (:nct_id, 1, jsonb_build_object('briefTitle', CAST(:title AS text),
                                                  'conditions', CAST(:names AS text[])), '', 1, '{}', now(), now())""",
        nct_id=nct_id,
        title=title,
        names=conditions,
    )


def find(desk: Desk, sign_up):
    with desk.world.engine.connect() as conn:
        return find_sign_up(conn, sign_up)


def choices(desk: Desk, nct_id: str):
    with desk.world.engine.connect() as conn:
        return study_choices(conn, nct_id)


def test_a_studys_conditions_are_offered_once_each_in_readable_words(desk: Desk) -> None:
    store_study(
        desk,
        "NCT00000001",
        "A made-up study",
        ["SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK", "Asthma", "asthma", "?"],
    )
    offered = choices(desk, " nct00000001 ")
    assert (offered.title, offered.known) == ("A made-up study", True)
    assert offered.conditions == ("Squamous Cell Carcinoma of the Head and Neck", "Asthma")


def test_a_page_about_an_unknown_study_still_offers_the_study(desk: Desk) -> None:
    offered = choices(desk, "NCT00000009")
    assert (offered.title, offered.known, offered.conditions) == (None, False, ())
    assert desk.sql("SELECT * FROM targets") == []
    with pytest.raises(BadWish, match="NCT01234567"):
        choices(desk, "12; DROP TABLE")


def test_nothing_starts_before_it_is_confirmed(desk: Desk) -> None:
    sign_up = desk.ask("anna", "Asthma", study="NCT00000001")
    view = find(desk, sign_up)
    assert (view.state, view.email, [choice.label for choice in view.choices]) == (
        "open",
        "anna@example.org",
        ["NCT00000001", "Asthma"],
    )
    assert desk.sql("SELECT * FROM subscribers") == desk.sql("SELECT * FROM subscriptions") == []


def test_who_confirms_hears_of_what_comes_and_of_nothing_that_came_before(desk: Desk) -> None:
    desk.world.event(ASTHMA)
    sign_up = desk.ask("anna", "Asthma")
    desk.world.event(ASTHMA)
    person = desk.confirm(sign_up).subscriber_public_id
    later = desk.world.event(ASTHMA)
    desk.world.run("daily", NOON + days(1))
    assert desk.world.told() == {desk.id(person): [later]}


def test_the_words_they_agreed_to_are_kept_as_evidence(desk: Desk) -> None:
    desk.join("anna", "Asthma")
    words = consent_words(desk.world.settings, language_of("xx"))
    assert desk.sql(
        "SELECT terms_version, terms_hash, health_version, health_hash, locale FROM sign_ups"
    ) == [(words.terms.version, words.terms.hash, words.health.version, words.health.hash, "en")]
    shown = "I agree to the terms of use (https://example.org/terms)."
    assert words.terms.hash == sha256(shown.encode()).digest()
    assert words.terms.link in words.terms.text
    assert words.health.link in words.health.text


def test_words_that_have_changed_since_the_form_was_shown_must_be_read_again(desk: Desk) -> None:
    with pytest.raises(BadWish, match="read them once more"):
        desk.ask("anna", "Asthma", terms_version="1999-01-01")


@pytest.mark.parametrize(
    "form",
    [
        {"conditions": ()},
        {"conditions": ("?!",)},
        {"conditions": ("x" * 500,)},
        {"conditions": tuple(f"Condition {n}" for n in range(21))},
        {"study": "NCT1"},
        {"frequency": "hourly"},
        {"zone": "Mars/Olympus"},
    ],
)
def test_a_wish_that_cannot_be_is_refused_with_a_reason(desk: Desk, form: dict[str, object]) -> None:
    with pytest.raises(BadWish) as refused:
        desk.ask("anna", **{"conditions": ("Asthma",), **form})
    assert "?!" not in str(refused.value)
    assert desk.sql("SELECT * FROM sign_ups") == []


def test_clicking_twice_is_clicking_once(desk: Desk) -> None:
    sign_up = desk.ask("anna", "Asthma")
    first, second = desk.confirm(sign_up), desk.confirm(sign_up)
    assert (first.state, second.state) == ("confirmed", "already")
    assert first.subscriber_public_id == second.subscriber_public_id
    assert find(desk, sign_up).state == "confirmed"
    assert desk.sql("SELECT action, via FROM subscription_changes") == [("confirm", "confirm")]


def test_two_clicks_at_once_on_two_sign_ups_make_one_person(desk: Desk) -> None:
    asked = [desk.ask("anna", f"Condition {n}", frequency="weekly") for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        states = [result.state for result in pool.map(desk.confirm, asked * 2)]
    assert sorted(states) == ["already"] * 6 + ["confirmed"] * 6
    assert len(desk.sql("SELECT id FROM subscribers")) == 1
    assert len(desk.sql("SELECT id FROM subscriptions WHERE ended_at IS NULL")) == 6


def test_this_was_not_me_ends_the_matter(desk: Desk) -> None:
    sign_up = desk.ask("anna", "Asthma")
    with desk.world.engine.begin() as conn:
        assert refuse(conn, sign_up, now=NOON)
        assert refuse(conn, sign_up, now=NOON)
        assert renew(conn, sign_up, now=NOON) is None
    assert (desk.confirm(sign_up).state, find(desk, sign_up).state) == ("refused", "refused")
    assert desk.sql("SELECT * FROM subscribers") == []


def test_an_old_confirm_link_does_not_bring_back_who_has_stopped(desk: Desk) -> None:
    sign_up = desk.ask("anna", "Asthma")
    person = desk.confirm(sign_up).subscriber_public_id
    with desk.world.engine.begin() as conn:
        stop_all(conn, person, reason="one_click", now=NOON)
        assert not refuse(conn, sign_up, now=NOON)
    assert desk.confirm(sign_up).state == "stopped"
    assert find(desk, sign_up).state == "stopped"
    assert desk.follows(person) == []


def test_a_sign_up_asked_for_before_they_stopped_everything_does_not_bring_them_back(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    old = desk.ask("anna", "Gout")
    with desk.world.engine.begin() as conn:
        stop_all(conn, person, reason="one_click", now=NOON + days(1))
        renew(conn, old, now=NOON + days(2))
    assert (desk.confirm(old, NOON + days(2)).state, find(desk, old).state) == ("stopped", "stopped")
    assert desk.follows(person) == []
    assert desk.join("anna", "Gout", now=NOON + days(3)) == person


@pytest.mark.parametrize(
    ("reason", "state"),
    [("complaint", "stopped"), ("unsubscribed", "stopped"), ("erased", "stopped"), ("bounced", "confirmed")],
)
def test_a_sign_up_asked_for_before_they_said_no_starts_nothing(desk: Desk, reason: str, state: str) -> None:
    old = desk.ask("anna", "Gout")
    desk.sql(
        "INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, :reason, :at)",
        key=desk.key("anna"),
        reason=reason,
        at=NOON + days(1),
    )
    assert desk.confirm(old, NOON + days(2)).state == state


def test_a_new_link_leaves_the_moment_at_which_the_words_were_agreed_to(desk: Desk) -> None:
    sign_up = desk.ask("anna", "Asthma")
    with desk.world.engine.begin() as conn:
        renew(conn, sign_up, now=NOON + days(8))
    assert desk.sql("SELECT requested_at, renewed_at FROM sign_ups") == [(NOON, NOON + days(8))]


def test_a_new_sign_up_brings_back_who_has_stopped_and_lifts_what_kept_mail_from_them(desk: Desk) -> None:
    person = desk.join("anna", "Asthma", "Eczema")
    with desk.world.engine.begin() as conn:
        stop_all(conn, person, reason="one_click", now=NOON)
    desk.world.event(ASTHMA)
    for later, reason in enumerate(("complaint", "erased", "bounced", "unsubscribed"), 1):
        desk.sql("DELETE FROM suppressions")
        bind = {"key": desk.key("anna"), "reason": reason}
        desk.sql(
            "INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, :reason, :now)",
            now=NOON,
            **bind,
        )
        assert desk.join("anna", "Asthma", now=NOON + timedelta(minutes=later)) == person
        assert desk.page(person).suppression is None
    assert desk.follows(person) == ["Asthma"]
    later = desk.world.event(ASTHMA)
    desk.world.run("daily", NOON + days(1))
    assert desk.world.told() == {desk.id(person): [later]}


def test_what_an_operator_has_barred_stays_barred(desk: Desk) -> None:
    desk.sql(
        "INSERT INTO suppressions (email_key, reason, created_at) VALUES (:key, 'operator', now())",
        key=desk.key("anna"),
    )
    assert desk.page(desk.join("anna", "Asthma")).suppression == "operator"


def test_the_latest_choice_of_how_often_counts_and_their_own_hour_stays(desk: Desk) -> None:
    person = desk.join("anna", "Asthma")
    with desk.world.engine.begin() as conn:
        reschedule(conn, desk.id(person), Rhythm("daily", "Asia/Tokyo", 20), via="manage", now=NOON)
    desk.join("anna", "Eczema", frequency="daily")
    page = desk.page(person)
    assert (page.frequency, page.zone, page.hour) == ("daily", "Asia/Tokyo", 20)
    desk.join("anna", "Gout", frequency="weekly")
    page = desk.page(person)
    assert (page.frequency, page.zone, page.hour, page.weekday) == ("weekly", "Asia/Tokyo", 20, 1)


def test_a_link_to_a_sign_up_that_is_gone_says_so(desk: Desk) -> None:
    assert desk.confirm(uuid4()).state == "gone"
    assert find(desk, uuid4()) is None


def test_what_nobody_confirmed_is_forgotten_after_two_weeks_with_its_words(desk: Desk) -> None:
    desk.join("ben", "Asthma", "Gout")
    kept = desk.ask("carla", "Migraine", now=NOON)
    desk.ask("anna", "Asthma", "A very private affliction", now=NOON)
    with desk.world.engine.begin() as conn:
        renew(conn, kept, now=NOON + days(7))
    assert forget(desk, NOON + days(14)) == 0
    assert forget(desk, NOON + days(14) + timedelta(seconds=1)) == 1
    assert {label for (label,) in desk.sql("SELECT label FROM targets")} == {"Asthma", "Gout", "Migraine", ""}
    assert desk.sql("SELECT count(*) FROM sign_ups") == [(2,)]
    desk.join("dora", "A very private affliction")
    assert len(desk.sql("SELECT * FROM targets WHERE label = 'A very private affliction'")) == 1


def test_that_somebody_said_no_is_remembered_for_thirty_days(desk: Desk) -> None:
    refused = desk.ask("anna", "Asthma")
    desk.ask("anna", "Gout")
    with desk.world.engine.begin() as conn:
        refuse(conn, refused, now=NOON)
    assert forget(desk, NOON + days(30)) == 0
    assert forget(desk, NOON + days(31)) == 2


def forget(desk: Desk, now: datetime) -> int:
    return purge_unconfirmed(desk.world.engine, now - days(14), now=now)


def test_confirming_while_everything_is_erased_leaves_all_or_nothing(desk: Desk) -> None:
    for turn in range(10):
        moment = NOON + timedelta(minutes=turn)
        asked = [desk.ask("anna", f"Condition {turn} {n}", now=moment) for n in range(3)]

        def erase(moment: datetime = moment) -> None:
            with desk.world.engine.begin() as conn:
                erase_person(conn, desk.key("anna"), now=moment)

        with ThreadPoolExecutor(4) as pool:
            erasing = pool.submit(erase)
            states = {result.state for result in pool.map(desk.confirm, asked, [moment] * 3)}
            erasing.result()
        assert states <= {"confirmed", "gone"}
        assert desk.sql("SELECT * FROM sign_ups u WHERE confirmed_at IS NULL") == []
        erase()
