"""The list of messages is what the sources say, and a language's file keeps up with it."""

from pathlib import Path

import pytest
from babel.messages import Catalog

from notifier.languages import extraction
from notifier.languages.catalogue import FILE, FOLDER, cannot_be_filled, language_of, read_catalogue
from notifier.languages.extraction import TEMPLATE, collected, refresh, written
from tests.languages.made_up import dropped, found_in

THEIRS = """
# Ana did this.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"

msgid "Stop %(name)s"
msgstr "Parar %(name)s"

msgid "Old"
msgstr "Velho"

msgid "Wrong %(name)s"
msgstr "Errado %(nome)s"
"""


def test_the_list_for_translators_is_what_the_sources_say():
    assert TEMPLATE.read_text("utf-8") == written(collected()), "run `make catalogue`"


def test_the_list_has_no_date_no_person_and_no_line_numbers():
    head, _, messages = TEMPLATE.read_text("utf-8").partition("\n\n")
    assert "Date" not in head
    assert "@" not in head
    places = [line for line in messages.splitlines() if line.startswith("#:")]
    assert places
    assert [line for line in places if line.rpartition(":")[2].isdigit()] == []


def test_words_are_collected_where_they_stand_and_nowhere_else(tmp_path: Path):
    code = tmp_path / "notifier" / "some.py"
    code.parent.mkdir()
    code.write_text(
        """Message("Stop " "%(name)s", name=key["a key"])
language.ngettext("%(num)s study", "%(num)s studies", count)
language.pgettext("of a place", "Open")
language.gettext(TABLE["of words"])
language.ngettext(words["one"], words["many"], count)
Message(f"Not known {yet}")
"""
    )
    assert {message.id for message in collected(tmp_path)} == {
        "", "Stop %(name)s", ("%(num)s study", "%(num)s studies"), "Open",
    }  # fmt: skip


def test_a_file_is_brought_up_to_date_and_what_is_left_to_do_is_said(tmp_path: Path):
    now = Catalog()
    for message in ("Stop %(name)s", "Wrong %(name)s", ("%(num)s study", "%(num)s studies")):
        now.add(message)
    file = dropped(tmp_path, "pt_BR", THEIRS) / "pt_BR" / FILE
    left = refresh(file, now)
    assert left == ["1 of 3 not translated", "cannot be filled: 'Wrong %(name)s'"]
    text = file.read_text("utf-8")
    assert "Ana did this." in text
    assert "Old" not in text
    assert 'msgid_plural "%(num)s studies"' in text
    with found_in(tmp_path):
        assert language_of("pt-BR").gettext("Stop %(name)s", name="A") == "Parar A"
    assert refresh(file, now) == left


def test_a_broken_file_is_named_and_left_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    """A tool that read half of it would write the other half off."""
    monkeypatch.setattr(extraction, "FOLDER", tmp_path)
    monkeypatch.setattr(extraction, "TEMPLATE", tmp_path / "notifier.pot")
    monkeypatch.setattr(extraction, "ROOT", tmp_path)
    half = THEIRS[: THEIRS.index("Velho") + 2]
    dropped(tmp_path, "de", half)
    dropped(tmp_path, "pt_BR", THEIRS)
    assert extraction.main() == 1
    printed = capsys.readouterr()
    assert "de/LC_MESSAGES/notifier.po cannot be read: line 11 is broken" in printed.err
    assert "pt_BR/LC_MESSAGES/notifier.po: " in printed.out
    assert (tmp_path / "de" / FILE).read_text("utf-8") == half


def missing(theirs: Catalog, ours: Catalog) -> list[object]:
    known = ((message.id, theirs.get(message.id, message.context)) for message in ours if message.id)
    return [id_ for id_, found in known if not (found and all(found.string or [""]) and not found.fuzzy)]


def test_a_file_that_is_not_whole_is_found_out(tmp_path: Path):
    file = dropped(tmp_path, "pt_BR", THEIRS) / "pt_BR" / FILE
    now = Catalog()
    for message in ("Stop %(name)s", "New", ("%(num)s study", "%(num)s studies")):
        now.add(message)
    assert missing(read_catalogue(file), now) == ["New", ("%(num)s study", "%(num)s studies")]


def test_each_language_that_we_ship_is_whole():
    ours = collected()
    for file in FOLDER.glob(f"*/{FILE}"):
        theirs = read_catalogue(file)
        assert [message.id for message in theirs if cannot_be_filled(message)] == [], file
        assert missing(theirs, ours) == [], file
