"""After an accident an operator sends again, corrects and withdraws, each time told first what it comes to."""

from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.delivery.providers import Outcome
from notifier.errors import NotifierError
from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.delivery.office import PEOPLE, Office, everybody_once, open_office
from tests.registry.samples import later, study, take

WHY = ("--note", "the import was wrong", "--yes")
SUBJECT = "A correction to an email we sent you"


@pytest.fixture
def office(engine: Engine, settings: Settings) -> Office:
    """Three of eight mails have failed, each alone."""
    office = open_office(engine, settings)
    office.provider.answers = [
        lambda batch: Outcome("accepted", refused={one.delivery_id: "odd" for one in batch.recipients[:3]})
    ]
    office.send()
    return office


@pytest.fixture
def words(tmp_path: Path) -> str:
    file = tmp_path / "words.txt"
    file.write_text("We said that the study is open.\n\nIt has not opened yet.\n")
    return str(file)


def run_key(office: Office) -> str:
    ((key,),) = office.sql("SELECT key FROM runs WHERE schedule_id IS NOT NULL")
    return str(key)


def test_what_failed_in_a_run_is_sent_again(run: Run, office: Office) -> None:
    dry = run("corrections", "resend", "--run", run_key(office), "--dry-run")
    assert "It failed for 3 people in 1 edition who can get it now. Nothing was changed." in told(dry)
    report = run("corrections", "resend", "--run", run_key(office), *WHY, "--json")
    assert report == {"people": 3, "editions": 1, "left": {}, "dry_run": False}
    office.send()
    assert office.provider.mailed == everybody_once()
    again = run("corrections", "resend", "--run", run_key(office), *WHY)
    assert "It failed for 0 people" in told(again)


def test_a_dry_run_shows_the_mail_and_counts(run: Run, office: Office, words: str) -> None:
    shown = run("corrections", "send", words, "--edition", "1", "--dry-run")
    assert f"Subject: {SUBJECT}" in shown
    assert "It has not opened yet." in shown
    assert "This is for 5 people. Nothing was changed." in told(shown)
    assert office.sql("SELECT count(*) FROM corrections") == [(0,)]


def test_a_correction_goes_once_to_whom_the_edition_reached(run: Run, office: Office, words: str) -> None:
    report = run("corrections", "send", words, "--edition", "1", *WHY, "--json")
    assert (report["run"], report["people"], report["dry_run"]) == ("correction/1", 5, False)
    again = run("corrections", "send", words, "--edition", "1", *WHY)
    assert "5 people had it before. Nothing was changed." in told(again)
    office.send()
    assert office.provider.subjects.count(SUBJECT) == 1
    assert len(office.provider.batches[-1].recipients) == 5
    (listed,) = run("corrections", "list", "--json")
    assert (listed["run"], listed["about"], listed["states"]) == (
        "correction/1",
        "edition 1",
        {"accepted": 5},
    )
    assert "edition 1" in run("corrections", "list")
    assert office.sql("SELECT actor, action, subject, note FROM operator_actions") == [
        ("command line", "correction_sent", "correction/1", WHY[1])
    ]


def test_a_condition_is_withdrawn_and_its_followers_are_told(run: Run, office: Office, words: str) -> None:
    withdraw = ("corrections", "withdraw", "--condition", "ASTHMA", "--reason", "We mixed up two conditions.")
    dry = run(*withdraw, "--dry-run", "--json")
    assert dry == {"people": 8, "with_nothing_else": 8, "held_back": 0, "dry_run": True}
    assert "8 people followed this, 8 of them nothing else." in told(run(*withdraw, *WHY))
    assert office.sql("SELECT count(*) FROM subscriptions WHERE ended_at IS NULL") == [(0,)]
    run("corrections", "send", words, "--condition", "asthma", *WHY)
    office.send()
    assert office.provider.subjects[-1] == "A change to your email updates"
    assert len(office.provider.batches[-1].recipients) == len(PEOPLE)


def test_who_withdraws_a_study_is_told_of_the_other_id_by_which_people_follow_it(
    run: Run, office: Office, engine: Engine
) -> None:
    two_ids = study(nctIdAliases=["NCT00000009"])
    take(engine, two_ids)
    take(engine, later(two_ids | {"hasResults": True}))
    office.sql(
        """INSERT INTO subscriptions (subscriber_id, target_id, reach, start_position, confirmed_at, source)
           SELECT min(s.id), t.id, 4, 0, now(), 'import' FROM subscribers s, targets t
           WHERE t.key = 'NCT00000009' GROUP BY t.id RETURNING 1"""
    )
    withdraw = ("corrections", "withdraw", "--reason", "It was listed by mistake.", "--dry-run", "--study")
    assert "follow the same study as NCT00000009 too" in told(run(*withdraw, "NCT01234567"))
    assert "too" not in told(run(*withdraw, "NCT00000009"))


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("resend", "--run", "x"), "--note"),
        (("send", "{words}"), "Give one of"),
        (("send", "{words}", "--edition", "1", "--event", "1", *WHY), "Give one of"),
        (("send", "{words}", "--edition", "1"), "--note"),
        (("send", "{words}", "--edition", "1", "--note", "n"), "--yes"),
        (("withdraw", "--reason", "r", "--note", "n"), "Give one of"),
        (("withdraw", "--reason", "r", "--condition", "asthma"), "--note"),
        (("withdraw", "--reason", "r", "--condition", "asthma", "--note", "n"), "--yes"),
    ],
)
def test_wrong_use_changes_nothing_and_says_what_to_give(
    run: Run, office: Office, words: str, command: tuple[str, ...], complaint: str
) -> None:
    before = office.states()
    assert complaint in run("corrections", *(word.format(words=words) for word in command), code=2)
    assert office.states() == before


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("resend", "--run", "daily/1999", "--dry-run"), "There is no run"),
        (("send", "{words}", "--edition", "99", "--dry-run"), "There is no edition 99"),
        (("send", "{words}", "--condition", "asthma", "--dry-run"), "not been withdrawn"),
        (("send", "nowhere.txt", "--edition", "1", "--dry-run"), "cannot be read"),
        (("withdraw", "--reason", "see www.example.org", "--condition", "asthma", "--dry-run"), "link"),
        (("withdraw", "--reason", "r", "--study", "NCT09999999", "--dry-run"), "not known"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_to_do(
    run: Run, office: Office, words: str, command: tuple[str, ...], complaint: str
) -> None:
    with pytest.raises(NotifierError, match=complaint):
        run("corrections", *(word.format(words=words) for word in command))


def test_words_that_are_no_text_are_refused(run: Run, office: Office, tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(NotifierError, match="UTF-8"):
        run("corrections", "send", str(file), "--edition", "1", "--dry-run")


def told(output: str) -> str:
    return " ".join(output.split())
