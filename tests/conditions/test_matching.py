import pytest
from sqlalchemy import Connection, Engine

from notifier.conditions.matching import match_phrase, suggest
from notifier.conditions.normal_form import normal_form
from notifier.conditions.store import store_targets
from notifier.conditions.targets import TargetRef, condition_targets, study_target

SCC = "Squamous Cell Carcinoma of Head and Neck"


@pytest.fixture
def conn(engine: Engine):
    refs = condition_targets(
        ["Asthma", "Hepatitis A", "Hepatitis B", "Small Cell Lung Cancer", "Non-Small Cell Lung Cancer"],
        [],
        [{"id": "D000077195", "term": SCC}, {"id": "D001249", "term": "Asthma"}],
        [],
    )
    with engine.begin() as conn:
        store_targets(conn, [*refs, study_target("NCT00000001")], known=True)
        yield conn


@pytest.mark.parametrize(
    ("phrase", "how"),
    [
        (SCC, "exact"),
        (SCC.upper(), "exact"),
        ("head and neck squamous cell carcinoma", "normal_form"),
        ("Carcinoma, Squamous Cell, of Head and Neck", "normal_form"),
    ],
)
def test_a_phrase_finds_its_condition_and_says_how(conn: Connection, phrase: str, how: str):
    match = match_phrase(conn, phrase)
    assert (match.phrase, match.concept, match.how) == (phrase, {"id": "D000077195", "name": SCC}, how)


def test_a_condition_without_a_mesh_id_is_known_by_its_normal_form(conn: Connection):
    match = match_phrase(conn, "hepatitis A")
    assert (match.how, match.qualifiers) == ("exact", [])
    assert match.concept == {"id": "hepatitis-a", "name": "Hepatitis A"}


@pytest.mark.parametrize("phrase", ["", "\0", "...", "x" * 3000, "Gout", "NCT00000001", "Hepatitis"])
def test_a_phrase_that_means_nothing_here_is_answered_and_not_raised(conn: Connection, phrase: str):
    assert match_phrase(conn, phrase).how == "none"


def test_suggestions_have_all_words_and_the_last_may_be_unfinished(conn: Connection):
    assert [s.label for s in suggest(conn, "lung can")] == [
        "Small Cell Lung Cancer",
        "Non-Small Cell Lung Cancer",
    ]
    assert [(s.label, s.concept_id) for s in suggest(conn, "ASTH")] == [("Asthma", "D001249")]
    assert [s.label for s in suggest(conn, "hepatitis", limit=1)] == ["Hepatitis A"]


@pytest.mark.parametrize("query", ["", "   ", "&|!:*()'", "\0", "_", "x" * 5000, "z " * 500, "'; DROP TABLE"])
def test_any_query_is_answered(conn: Connection, query: str):
    assert suggest(conn, query) == []


def test_what_somebody_typed_is_shown_to_nobody_until_a_study_is_about_it(conn: Connection):
    typed = TargetRef(
        "condition", normal_form("Zellweger thing of my son"), "Zellweger thing of my son", None, 1
    )
    store_targets(conn, [typed])
    assert suggest(conn, "zellweger") == []
    assert match_phrase(conn, typed.label).concept is None
    registered = TargetRef("condition", typed.key, "My Son's Zellweger Thing", None, 1)
    store_targets(conn, [registered], known=True)
    assert [found.label for found in suggest(conn, "zellweger")] == [registered.label]
