import pytest

from notifier.registry.text import bare, loose, tidy, tidy_lines


@pytest.mark.parametrize(
    ("given", "tidied"),
    [
        ("  Dry   eye\t\n ", "Dry eye"),
        (r"Age \>= 18 and BMI \< 30 \*", "Age >= 18 and BMI < 30 *"),
        (r"CD19 \[CAR\] \_T\_", "CD19 [CAR] _T_"),
        ("5 &lt; 7 &amp;gt; 3 &amp; more", "5 < 7 > 3 & more"),
        ("a\u00a0b\u2009c\u3000d\u202fe", "a b c d e"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth soft\u00adhyphen \ufeffmark", "zerowidth softhyphen mark"),
        ("nul\x00 and bell\x07", "nul and bell"),
        ("R&D; AT&T", "R&D; AT&T"),
        ("one &#60; two &#x3e; three", "one < two > three"),
        ("Squamous，Cell", "Squamous，Cell"),
        ("", ""),
    ],
)
def test_text_is_kept_without_escapes_and_stray_white_space(given: str, tidied: str) -> None:
    assert tidy(given) == tidied
    assert tidy(tidied) == tidied


def test_long_text_keeps_its_lines() -> None:
    assert tidy_lines("Inclusion:\r\n\r\n  * Age \\>  18\n\n* Adults\n") == "Inclusion:\n* Age > 18\n* Adults"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Head and neck, cancer.", "head and neck cancer"),
        ("* Age >= 18 years\n* Adults", "1. Age ≥18 years;\n2. adults"),
        ("follow-up visit", "Follow up visit"),
        ("2018–2020", "2018-2020"),
        ("Keytruda™ (pembrolizumab)", "Keytruda, pembrolizumab"),
        ("CO₂", "CO2"),
    ],
)
def test_an_edit_of_form_alone_is_no_difference(one: str, other: str) -> None:
    assert loose(one) == loose(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Age > 18", "Age < 18"),
        ("1.5 mg", "15 mg"),
        ("grade 1-2", "grade 12"),
        ("HER2+", "HER2-"),
        ("drug A ± drug B", "drug A + drug B"),
        ("T-score < -2.5", "T-score < 2.5"),
        ("10 %", "10"),
        ("pregnant", "not pregnant"),
    ],
)
def test_an_edit_of_the_meaning_is_a_difference(one: str, other: str) -> None:
    assert loose(one) != loose(other)


def test_places_are_the_same_without_their_accents() -> None:
    assert bare("Hôpital Saint-Louis, Montréal") == bare("Hopital Saint Louis Montreal")
