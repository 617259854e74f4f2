import json
from pathlib import Path
from typing import Any

import pytest

from notifier.errors import NotifierError
from notifier.registry.diffing import diff_files
from tests.registry.samples import later, study


def write(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def test_two_versions_give_their_typed_changes(tmp_path: Path) -> None:
    before = write(tmp_path / "before.json", study())
    after = write(tmp_path / "after.json", study(overallStatus="COMPLETED"))
    assert diff_files(before, after) == {
        "nct_id": "NCT01234567",
        "kind": "study_changed",
        "changes": [{"field": "overallStatus", "before": "RECRUITING", "after": "COMPLETED"}],
    }


def test_two_versions_that_differ_by_a_stamp_are_unchanged(tmp_path: Path) -> None:
    before, after = write(tmp_path / "before.json", study()), write(tmp_path / "after.json", later(study()))
    assert diff_files(before, after) == {"nct_id": "NCT01234567", "kind": "unchanged", "changes": []}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], "empty"),
        ([study(), study()], "more than one"),
        (study(nctId="NCT00000001"), "two versions of one study"),
        ({"protocolSection": 5}, "protocolSection is a number"),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path: Path, content: Any, words: str) -> None:
    with pytest.raises(NotifierError, match=words):
        diff_files(write(tmp_path / "before.json", study()), write(tmp_path / "after.json", content))
