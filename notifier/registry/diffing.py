"""`notifier records diff`: what followers would be told between two record files."""

from pathlib import Path
from typing import Any

from notifier.errors import NotifierError
from notifier.registry.comparison import compare
from notifier.registry.projection import StudyVersion, project
from notifier.registry.reading import read_paths
from notifier.registry.records import BadRecord, Rejection


def diff_files(before: Path, after: Path) -> dict[str, Any]:
    """{"nct_id", "kind": "study_changed" | "unchanged", "changes"}. Raises NotifierError."""
    old, new = _only_study(before), _only_study(after)
    if old.nct_id != new.nct_id:
        raise NotifierError(
            f"{before} is {old.nct_id}, and {after} is {new.nct_id}.", "Give two versions of one study."
        )
    changes = compare(old.facts, new.facts)
    return {"nct_id": new.nct_id, "kind": "study_changed" if changes else "unchanged", "changes": changes}


def _only_study(path: Path) -> StudyVersion:
    records = read_paths([path])
    first, second = next(records, None), next(records, None)
    if first is None:
        raise NotifierError(f"{path} is empty.", "Give a file with one study.")
    if second is not None:
        raise NotifierError(f"{path} holds more than one study.", "Give a file with one study.")
    if isinstance(first, Rejection):
        raise NotifierError(f"{path}, line {first.line}: {first.reason}.")
    try:
        return project(first.data)
    except BadRecord as bad:
        raise NotifierError(f"{path}: {bad.reason}.") from None
