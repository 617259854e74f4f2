"""The registry is looked at where the workers ask it."""

import pytest

from tests.fakes.registry import Answer, Registry
from tests.ops.doctor.conftest import NOWHERE, Patient


def test_it_is_looked_at_only_where_it_is_asked(patient: Patient, registry: Registry) -> None:
    patient.change(registry_api_url=registry.url)
    assert "registry" not in {finding.check for finding in patient.findings()}
    patient.change(poll_registry=True)
    found = patient.found("registry")
    assert (found.status, found.what) == (
        "pass",
        "The registry answers. Its data are of 2026-11-20 09:00 UTC.",
    )


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, "Forbidden", {}), "it says HTTP 403"),
        ((200, "<html>", {}), "it does not say of when its data are"),
        ((200, [], {}), "it does not say of when its data are"),
    ],
)
def test_one_that_answers_otherwise_is_wrong(
    patient: Patient, registry: Registry, answer: Answer, words: str
) -> None:
    patient.change(registry_api_url=registry.url, poll_registry=True)
    registry.answers = [answer]
    found = patient.found("registry")
    assert found.status == "fail"
    assert words in found.what


def test_one_that_cannot_be_reached_is_wrong(patient: Patient) -> None:
    patient.change(registry_api_url=NOWHERE, poll_registry=True)
    assert patient.found("registry").status == "fail"
