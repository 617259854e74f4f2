"""What a study is about, as targets that people can follow, each with its evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from notifier.conditions.labels import natural_order, readable
from notifier.conditions.normal_form import BadCondition, clean_condition, normal_form

OWN_WORDS = 1  # the registrant wrote it
SYNONYM = 2  # the registrant wrote another name of it
ASSIGNED = 3  # the registry's algorithm added it
BROADER = 4  # it stands above one of the others

_LAST_SHORT_ID = 66_387  # descriptors above it have nine digits since they were made
_GENERIC = frozenset(
    normal_form(heading)
    for heading in (
        "Disease",
        "Syndrome",
        "Recurrence",
        "Chronic Disease",
        "Acute Disease",
        "Disease Attributes",
        "Disease Progression",
        "Disease Susceptibility",
        "Neoplasm Metastasis",
        "Neoplasms by Site",
        "Neoplasms by Histologic Type",
        "Neoplastic Processes",
        "Pathologic Processes",
        "Pathological Conditions, Anatomical",
        "Pathological Conditions, Signs and Symptoms",
        "Signs and Symptoms",
        "Congenital, Hereditary, and Neonatal Diseases and Abnormalities",
        "Female Urogenital Diseases and Pregnancy Complications",
        "Nutritional and Metabolic Diseases",
        "Skin and Connective Tissue Diseases",
        "Hemic and Lymphatic Diseases",
    )
)

Heading = Mapping[str, str]
_Named = tuple[str, str]  # key, label
_Way = tuple[int, str, str | None]  # evidence, label, MeSH id


@dataclass(frozen=True, slots=True)
class TargetRef:
    """A target as a record names it. Same `kind` and `key`: same target, whatever the label."""

    kind: str  # study, condition
    key: str
    label: str
    concept_id: str | None
    evidence: int


def study_target(nct_id: str) -> TargetRef:
    return TargetRef("study", nct_id, nct_id, None, OWN_WORDS)


def condition_targets(
    conditions: Iterable[str],
    keywords: Iterable[str],
    meshes: Iterable[Heading],
    ancestors: Iterable[Heading],
) -> list[TargetRef]:
    """Every condition the study is about, once, with its best evidence, in the order of the key.

    A heading is OWN_WORDS when the registrant wrote it, as a condition or a keyword. All others stay
    ASSIGNED, as the registry's algorithm is wrong often enough to matter ("HCV" became Crush Injuries):
    a vocabulary can later raise those that it explains to SYNONYM, and leave out those that nothing
    explains. Keywords make no target of their own: most name drugs, methods and places.
    """
    found: dict[str, list[_Way]] = {}
    for text in conditions:
        _add(found, OWN_WORDS, _own(text), None)
    own = {*found, *map(normal_form, keywords)}
    for heading in meshes:
        named = _heading(heading["term"])
        evidence = OWN_WORDS if named and named[0] in own else ASSIGNED
        _add(found, evidence, named, heading["id"])
    for heading in ancestors:
        _add(found, BROADER, _heading(heading["term"]), heading["id"])
    return [_ref(key, found[key]) for key in sorted(found)]


def concept_id(mesh_id: str) -> str:
    """The same id in one form: until 2024 the registry padded D003924 to D000003924."""
    digits = mesh_id[1:]
    if mesh_id[:1] == "D" and len(digits) == 9 and digits.isdecimal() and int(digits) <= _LAST_SHORT_ID:
        return f"D{int(digits):06d}"
    return mesh_id


def _own(text: str) -> _Named | None:
    """None for what cannot be a condition: it must not keep the study's other conditions from their followers."""
    try:
        label = clean_condition(text)
    except BadCondition:
        return None
    return normal_form(label), label


@lru_cache(maxsize=8192)
def _heading(term: str) -> _Named | None:
    """None for headings that mean any illness; where the registrant wrote one, it counts as their words."""
    named = _own(natural_order(term))
    return None if named and named[0] in _GENERIC else named


def _add(found: dict[str, list[_Way]], evidence: int, named: _Named | None, mesh_id: str | None) -> None:
    if named:
        key, label = named
        found.setdefault(key, []).append((evidence, label, concept_id(mesh_id) if mesh_id else None))


def _ref(key: str, ways: list[_Way]) -> TargetRef:
    concept = next((concept for _, _, concept in ways if concept), None)
    evidence = min(evidence for evidence, _, _ in ways)
    return TargetRef("condition", key, readable([label for _, label, _ in ways]), concept, evidence)
