"""A vocabulary is read in either official shape, loaded as often as one likes, and decides nothing about mail."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from notifier.conditions.matching import match_phrase
from notifier.conditions.mesh import Descriptor, read_descriptors
from notifier.conditions.store import store_targets
from notifier.conditions.vocabulary import Loaded, load_vocabulary
from notifier.errors import NotifierError
from tests.world import condition

XML = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE DescriptorRecordSet SYSTEM "https://www.nlm.nih.gov/databases/dtd/nlmdescriptorrecordset_20260101.dtd">
<DescriptorRecordSet LanguageCode = "eng">
<DescriptorRecord DescriptorClass = "1">
  <DescriptorUI>D007680</DescriptorUI>
  <DescriptorName><String>Kidney Neoplasms</String></DescriptorName>
  <TreeNumberList><TreeNumber>C04.588.945.947.535</TreeNumber></TreeNumberList>
  <ConceptList>
    <Concept PreferredConceptYN="Y"><TermList>
      <Term ConceptPreferredTermYN="Y" IsPermutedTermYN="N"><String>Kidney Neoplasms</String></Term>
      <Term ConceptPreferredTermYN="N" IsPermutedTermYN="N"><String>Renal Neoplasms</String></Term>
    </TermList></Concept>
    <Concept PreferredConceptYN="N">
      <ConceptRelationList><ConceptRelation RelationName="NRW"/></ConceptRelationList>
      <TermList><Term><String>Cancer of Kidney</String></Term></TermList>
    </Concept>
  </ConceptList>
</DescriptorRecord>
<DescriptorRecord DescriptorClass = "1">
  <DescriptorUI>D000001</DescriptorUI>
  <DescriptorName><String>Calcimycin</String></DescriptorName>
  <TreeNumberList><TreeNumber>D03.633.100.221.173</TreeNumber></TreeNumberList>
  <ConceptList><Concept PreferredConceptYN="Y"><TermList><Term><String>A-23187</String></Term></TermList></Concept>
  </ConceptList>
</DescriptorRecord>
</DescriptorRecordSet>
"""
ASCII = """*NEWRECORD
RECTYPE = D
MH = Kidney Neoplasms
PRINT ENTRY = Cancer of Kidney|T191|NON|NRW|NLM (1967)|661206|abcdef
ENTRY = Renal Neoplasms|T191|NON|EQV|NLM (1980)|790411|abcdef
MN = C04.588.945.947.535
UI = D007680

*NEWRECORD
RECTYPE = D
MH = Calcimycin
ENTRY = A-23187|T109|T195|LAB|EQV|NLM (1991)|900308|abbcdef
MN = D03.633.100.221.173
UI = D000001
"""
_PACKED = gzip.compress(XML.encode())
BROKEN = _PACKED[:60] + b"\xff" * 60 + _PACKED[120:]
Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "descriptors"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [XML, ASCII, gzip.compress(XML.encode()), gzip.compress(ASCII.encode())],
    ids=["xml", "ascii", "xml.gz", "ascii.gz"],
)
def test_both_shapes_say_the_same(write: Write, content: str | bytes) -> None:
    kidney, drug = read_descriptors(write(content))
    assert (kidney.id, kidney.heading, kidney.is_condition) == ("D007680", "Kidney Neoplasms", True)
    assert {name: kidney.terms[name] for name in ("Renal Neoplasms", "Cancer of Kidney")} == {
        "Renal Neoplasms": True,
        "Cancer of Kidney": False,
    }
    assert (drug.heading, drug.is_condition, drug.terms) == ("Calcimycin", False, {"A-23187": True})


@pytest.mark.parametrize(
    "content",
    [
        "",
        "<html></html>",
        XML[:900],
        gzip.compress(XML.encode())[:99],
        BROKEN,
        "not = mesh\n",
        b"\xff\xfe\x00",
        ASCII.replace("Renal", "Re\0nal"),
        ASCII.replace("C04.588", "D04.588"),
    ],
    ids=["empty", "html", "cut off", "cut off.gz", "broken.gz", "text", "binary", "nul", "no condition"],
)
def test_what_is_no_such_file_or_half_of_one_is_refused(write: Write, content: str | bytes) -> None:
    with pytest.raises(NotifierError, match=r"cannot be read|holds no descriptor|holds no condition"):
        list(read_descriptors(write(content)))


def loaded(engine: Engine, *descriptors: Descriptor) -> Loaded:
    with engine.begin() as conn:
        return load_vocabulary(conn, descriptors)


def how(engine: Engine, phrase: str) -> tuple[str | None, str]:
    with engine.connect() as conn:
        found = match_phrase(conn, phrase)
    return found.concept["name"] if found.concept else None, found.how


KIDNEY = Descriptor(
    "D007680", "Kidney Neoplasms", ["C04.588"], {"Renal Neoplasms": True, "Cancer of Kidney": False}
)
LUNG = Descriptor("D008175", "Lung Neoplasms", ["C04.588"], {"Neoplasms, Pulmonary": True})


def test_phrases_are_understood_by_what_was_loaded(engine: Engine) -> None:
    assert how(engine, "tumors") == (None, "none")
    loaded(engine, KIDNEY)
    assert how(engine, "neoplasm of the kidney") == ("Kidney Neoplasms", "normal_form")
    assert how(engine, "Renal neoplasm") == ("Kidney Neoplasms", "synonym")
    assert how(engine, "kidney cancer") == ("Kidney Neoplasms", "entry_term")


def test_what_a_study_here_is_called_goes_before_the_vocabulary(engine: Engine) -> None:
    loaded(engine, KIDNEY)
    with engine.begin() as conn:
        store_targets(conn, [condition("Kidney Cancer")], known=True)
    assert how(engine, "kidney cancer") == ("Kidney Cancer", "exact")


def test_a_name_that_means_two_things_means_nothing(engine: Engine) -> None:
    two = [Descriptor(f"D00000{n}", f"Disease {n}", ["C01"], {"AVM": True}) for n in (1, 2)]
    loaded(engine, *two)
    assert how(engine, "AVM") == (None, "none")


def test_to_load_it_again_changes_nothing_and_a_new_year_changes_what_it_says(engine: Engine) -> None:
    first = loaded(engine, KIDNEY, LUNG, Descriptor("D000001", "Calcimycin", ["D03"]))
    assert (first.read, first.conditions, first.new) == (3, 2, first.names)
    again = loaded(engine, KIDNEY, LUNG)
    assert (again.new, again.changed, again.removed) == (0, 0, 0)
    renamed = Descriptor("D008175", "Lung Tumors", ["C04.588"], {"Lung Neoplasms": True})
    next_year = loaded(engine, KIDNEY, renamed)
    assert (next_year.new, next_year.changed, next_year.removed) == (1, 1, 1)
    assert how(engine, "lung neoplasm") == ("Lung Tumors", "synonym")
