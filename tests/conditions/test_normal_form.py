import csv
import random
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from notifier.conditions.normal_form import MAX_CHARS, BadCondition, clean_condition, normal_form
from tests.paths import shared_data

SEED = "Squamous Cell Carcinoma of Head and Neck"
plain_words = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=3, max_size=12), min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("written", "same"),
    [
        (SEED, "head and neck squamous cell carcinoma"),
        (SEED, "SQUAMOUS CELL CARCINOMA OF THE HEAD AND NECK"),
        (SEED, "Carcinoma, Squamous Cell, of Head and Neck"),
        (SEED, "  Squamous-cell carcinoma of head & neck. "),
        (SEED, "Head and Neck Squamous Cell Carcinoma (HNSCC)"),
        ("Heart Failure，Congestive", "Congestive Heart Failure"),
        ("Ménière’s Disease", "Meniere Disease"),
        ("Crohns Disease", "Crohn's disease"),
        ("β-Thalassemia", "beta Thalassemia"),
        ("COVID-19", "Covid19"),
        ("Lymphoma, Large B-Cell, Diffuse", "diffuse large B cell lymphoma"),
        ("Type2 Diabetes Mellitus", "Diabetes Mellitus, Type 2"),
        ("Non-Hodgkin's Lymphoma", "lymphoma, nonhodgkin"),
        ("HR+/HER2- Breast Cancer", "HER2 negative, HR positive breast cancer"),
        ("Glioma, WHO Grade Ⅳ", "WHO Grade IV Glioma"),
        ("Graft-versus-Host Disease", "Graft vs. host disease"),
        ("Diabetic Neuropathies", "diabetic neuropathy"),
        ("Aspergilloses", "Aspergillosis"),
    ],
)
def test_the_same_condition_written_in_two_ways_is_one(written, same):
    assert normal_form(written) == normal_form(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hepatitis A", "Hepatitis B"),
        ("Hepatitis A", "Hepatitis"),
        ("Diabetes Type I", "Diabetes Type II"),
        ("Type 2 Diabetes, Stage 1", "Type 1 Diabetes, Stage 2"),
        ("Hepatitis B, Hemophilia A", "Hepatitis A, Hemophilia B"),
        ("Trisomy 13", "Trisomy 1 3"),
        ("HER2+ Breast Cancer", "HER2- Breast Cancer"),
        ("HR+/HER2- Breast Cancer", "HR-/HER2+ Breast Cancer"),
        ("Age < 18", "Age > 18"),
        ("Graft vs Host Reaction", "Host vs Graft Reaction"),
        ("AIDS", "AID"),
        ("Hemophilia A with inhibitors", "Hemophilia A without inhibitors"),
        ("Small Cell Lung Cancer", "Non-Small Cell Lung Cancer"),
        ("Carcinoma (in situ)", "Carcinoma"),
    ],
)
def test_conditions_that_only_look_alike_stay_apart(one, other):
    assert normal_form(one) != normal_form(other)


def _rows(name: str) -> list[dict[str, str]]:
    with (shared_data() / "ctgov" / name).open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_real_pair_of_false_friends_stays_apart():
    pairs = _rows("false-friends.tsv")
    assert pairs
    assert [p for p in pairs if normal_form(p["string_a"]) == normal_form(p["string_b"])] == []


def test_real_conditions_that_differ_from_their_heading_in_letters_or_order_only_meet_it():
    easy = [row for row in _rows("condition-mesh-labelled.tsv") if row["class"][0] in "123"]
    assert len(easy) > 200
    assert [
        r for r in easy if normal_form(r["registrant_condition"]) != normal_form(r["ctgov_mesh_term"])
    ] == []


@given(st.text(max_size=MAX_CHARS))
def test_the_normal_form_of_a_normal_form_is_itself(text):
    form = normal_form(text)
    assume(len(form) <= MAX_CHARS)
    assert normal_form(form) == form


@given(plain_words, st.randoms(use_true_random=False))
def test_word_order_does_not_count(words: list[str], rng: random.Random):
    shuffled = rng.sample(words, len(words))
    assume(not any(word in {"non", "pre", "post", "anti", "cell", "positive", "negative"} for word in words))
    assert normal_form(", ".join(words)) == normal_form(", ".join(shuffled))


@given(st.text(max_size=MAX_CHARS))
def test_a_text_with_a_letter_is_never_nothing(text):
    letters = any(unicodedata.category(char) in {"Lu", "Ll", "Nd"} for char in text)
    assert normal_form(text) or not letters


@given(st.text(st.characters(codec="utf-8"), max_size=MAX_CHARS))
def test_a_normal_form_fits_into_the_index_and_the_database(text):
    form = normal_form(text)
    assert len(form.encode()) < 2600
    assert "\0" not in form


@pytest.mark.parametrize("text", ["", "   ", "...,;-()", "\0\0", "'", "<"])
def test_a_condition_without_a_letter_is_refused_with_a_reason(text):
    assert normal_form(text) == ""
    with pytest.raises(BadCondition, match="no letter"):
        clean_condition(text)


def test_a_condition_of_3000_characters_is_refused_with_its_length_and_the_limit():
    with pytest.raises(BadCondition, match=r"3000 characters.*400"):
        clean_condition("cancer " * 428 + "abcd")


def test_line_breaks_and_nuls_never_reach_the_label():
    assert clean_condition("Breast\r\n\0 Cancer\u2028") == "Breast Cancer"


def test_a_condition_of_small_words_keeps_them():
    assert normal_form("of the") == "of,the"
