"""Looking at mails: made-up ones, and the one that somebody would get now."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from notifier.cli.main import app
from notifier.digests.samples import MAILS
from notifier.errors import NotifierError
from notifier.links.keys import email_key
from notifier.settings import Settings
from tests.cli.conftest import Run
from tests.conftest import SECRET_KEY
from tests.languages.made_up import spoken
from tests.world import World, condition

ASTHMA = condition("Asthma")
ANNA = "anna@example.org"


@pytest.fixture
def world(engine: Engine, settings: Settings) -> World:
    world = World(engine, settings)
    world.person("anna", ASTHMA, key=email_key([SECRET_KEY], ANNA))
    return world


def test_every_made_up_mail_is_listed_and_can_be_shown(run: Run) -> None:
    listed = run("mail", "list", "--json")
    assert [one["name"] for one in listed] == list(MAILS)
    for one in listed:
        shown = run("mail", "preview", one["name"])
        assert shown.startswith(f"Subject: {one['subject']}\n\n")
        assert run("mail", "preview", one["name"], "--json")["text"] in shown


def test_one_part_can_be_written_to_a_file(run: Run, tmp_path: Path) -> None:
    name, file = "digest-one-change", tmp_path / "mail.html"
    assert run("mail", "preview", name, "--part", "html", "--out", str(file)) == ""
    assert file.read_text("utf-8").rstrip() == run("mail", "preview", name, "--json")["html"].rstrip()
    assert run("mail", "preview", name, "--part", "subject") == "1 update to a study you follow\n"


def test_json_too_can_be_of_one_part_and_go_to_a_file(run: Run, tmp_path: Path) -> None:
    name, file = "digest-one-change", tmp_path / "mail.json"
    whole = run("mail", "preview", name, "--json")
    assert run("mail", "preview", name, "--json", "--part", "text") == {"text": whole["text"]}
    assert preview_into(file, "mail", "preview", name) == whole
    assert preview_into(file, "mail", "preview", name, "--part", "subject") == {"subject": whole["subject"]}


def preview_into(file: Path, *words: str) -> Any:
    """What the command wrote there; it printed nothing."""
    result = CliRunner().invoke(app, [*words, "--json", "--out", str(file)])
    assert (result.exit_code, result.stdout) == (0, "")
    return json.loads(file.read_bytes())


def test_a_name_that_is_none_is_answered_with_those_there_are(run: Run) -> None:
    assert "digest-one-change" in run("mail", "preview", "digest-none", code=2)


def test_a_mail_in_another_language(run: Run, tmp_path: Path) -> None:
    assert "'ar' is none of en" in run("mail", "preview", "digest-both", "--locale", "ar", code=2)
    with spoken(tmp_path, "ar"):
        told = run("mail", "preview", "digest-both", "--locale", "ar", "--part", "html")
    assert 'dir="rtl"' in told


def test_a_file_that_cannot_be_written_is_named(run: Run, tmp_path: Path) -> None:
    with pytest.raises(NotifierError, match="cannot be written: No such file"):
        run("mail", "preview", "digest-twelve", "--out", str(tmp_path / "none" / "mail.txt"))


def test_somebody_s_next_digest(run: Run, world: World, tmp_path: Path) -> None:
    world.event(ASTHMA, kind="new_study")
    assert run("digest", "preview", ANNA).startswith("Subject: 1 new study for you\n\n")
    told = run("digest", "preview", ANNA, "--json")
    assert (told["goes_out"], told["note"]) == (True, None)
    assert run("digest", "preview", ANNA, "--json", "--part", "subject")["mail"] == {
        "subject": "1 new study for you"
    }
    assert preview_into(tmp_path / "mail.json", "digest", "preview", ANNA) == told
    run("digest", "preview", ANNA, "--part", "html", "--out", str(tmp_path / "mail.html"))
    assert (tmp_path / "mail.html").read_text("utf-8").startswith("<!DOCTYPE html>")


def test_somebody_with_nothing_to_read(run: Run, world: World) -> None:
    assert run("digest", "preview", ANNA) == "There is nothing new for this person; no mail would go out.\n"
    assert run("digest", "preview", ANNA, "--json") == {
        "goes_out": False,
        "note": "There is nothing new for this person; no mail would go out.",
        "mail": None,
    }


@pytest.mark.parametrize(
    ("change", "note"),
    [
        ("UPDATE subscribers SET state = 'stopped', stopped_at = now()", "has stopped all mail"),
        ("UPDATE subscribers SET paused_until = '2099-01-02 03:04Z'", "before 2099-01-02 03:04 UTC"),
        (
            "INSERT INTO suppressions SELECT email_key, 'bounced', NULL, now() FROM subscribers",
            "on the do-not-mail list (bounced)",
        ),
    ],
)
def test_somebody_who_gets_no_mail_for_another_reason(
    run: Run, world: World, engine: Engine, change: str, note: str
) -> None:
    world.event(ASTHMA)
    with engine.begin() as conn:
        conn.execute(text(change))
    told = run("digest", "preview", ANNA, "--json")
    assert note in told["note"]
    assert not told["goes_out"]
    assert note in run("digest", "preview", ANNA)


def test_somebody_who_is_not_known(run: Run, world: World) -> None:
    with pytest.raises(NotifierError, match="Nobody with this address has confirmed"):
        run("digest", "preview", "ben@example.org")
    with pytest.raises(NotifierError, match="That is not an address"):
        run("digest", "preview", "ben")
