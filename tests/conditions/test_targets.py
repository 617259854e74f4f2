import gzip
import json

import pytest

from notifier.conditions.targets import (
    ASSIGNED,
    BROADER,
    OWN_WORDS,
    TargetRef,
    condition_targets,
    study_target,
)
from tests.paths import shared_data


def _mesh(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"id": id, "term": term} for id, term in pairs]


def _targets(conditions=(), keywords=(), meshes=(), ancestors=()) -> dict[str, TargetRef]:
    refs = condition_targets(conditions, keywords, _mesh(*meshes), _mesh(*ancestors))
    assert len({ref.key for ref in refs}) == len(refs)
    return {ref.label: ref for ref in refs}


def test_a_heading_that_the_registrant_wrote_in_other_words_order_is_in_the_own_words():
    found = _targets(["Atopic Dermatitis"], meshes=[("D003876", "Dermatitis, Atopic")])
    assert found == {
        "Atopic Dermatitis": TargetRef(
            "condition", "atopic,dermatitis", "Atopic Dermatitis", "D003876", OWN_WORDS
        )
    }


def test_a_heading_that_the_registrant_never_wrote_is_only_assigned():
    found = _targets(["HCV"], meshes=[("D000080822", "Crush Injuries")])
    assert found["HCV"].evidence == OWN_WORDS
    assert found["Crush Injuries"].evidence == ASSIGNED


def test_a_heading_among_the_keywords_is_in_the_own_words_and_other_keywords_make_no_target():
    found = _targets(["NSCLC"], ["lung neoplasm", "Pharmacokinetics"], [("D008175", "Lung Neoplasms")])
    assert {label: ref.evidence for label, ref in found.items()} == {
        "NSCLC": OWN_WORDS,
        "Lung Neoplasms": OWN_WORDS,
    }


def test_the_best_evidence_wins_when_a_condition_is_also_a_broader_one():
    found = _targets(
        ["Asthma"],
        meshes=[("D001249", "Asthma")],
        ancestors=[("D001249", "Asthma"), ("D001982", "Bronchial Diseases")],
    )
    assert {label: ref.evidence for label, ref in found.items()} == {
        "Asthma": OWN_WORDS,
        "Bronchial Diseases": BROADER,
    }


def test_headings_that_mean_any_illness_are_targets_only_when_the_registrant_wrote_them():
    meshes = [("D012008", "Recurrence"), ("D002908", "Chronic Disease")]
    ancestors = [("D004194", "Disease"), ("D009370", "Neoplasms by Histologic Type")]
    assert set(_targets(["Chronic Disease"], meshes=meshes, ancestors=ancestors)) == {"Chronic Disease"}


@pytest.mark.parametrize("padded", ["D000003924", "D003924"])
def test_padded_and_plain_mesh_ids_are_one(padded):
    assert _targets(meshes=[(padded, "Diabetes Mellitus, Type 2")])[
        "Type 2 Diabetes Mellitus"
    ].concept_id == ("D003924")


def test_mesh_ids_that_have_nine_digits_by_nature_stay():
    heading = ("D000077195", "Squamous Cell Carcinoma of Head and Neck")
    assert _targets(meshes=[heading])[heading[1]].concept_id == "D000077195"


def test_the_label_is_the_form_that_reads_best():
    found = _targets(
        ["SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK", "head and neck squamous cell carcinoma (HNSCC)"],
        meshes=[("D000077195", "Squamous Cell Carcinoma of Head and Neck")],
    )
    assert list(found) == ["Squamous Cell Carcinoma of Head and Neck"]


def test_capitals_are_calmed_and_abbreviations_kept():
    assert set(_targets(["SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK", "COPD", "NSCLC"])) == {
        "Squamous Cell Carcinoma of the Head and Neck",
        "COPD",
        "NSCLC",
    }


def test_odd_strings_are_left_out_and_the_rest_stays():
    assert set(_targets(["", " - ", "x" * 3000, "\0", "Asthma"])) == {"Asthma"}


def test_a_study_is_a_target_by_its_number():
    assert study_target("NCT00000001") == TargetRef("study", "NCT00000001", "NCT00000001", None, OWN_WORDS)


def test_every_real_study_with_a_condition_has_a_target():
    for path in sorted((shared_data() / "ctgov").glob("studies-*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                record = record.get("record", record)
                module = record["protocolSection"].get("conditionsModule", {})
                browse = record.get("derivedSection", {}).get("conditionBrowseModule", {})
                refs = condition_targets(
                    module.get("conditions", []),
                    module.get("keywords", []),
                    browse.get("meshes", []),
                    browse.get("ancestors", []),
                )
                assert refs or not module.get("conditions")
                assert all(ref.label and ref.key for ref in refs)
