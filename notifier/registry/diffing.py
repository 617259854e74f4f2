"""`notifier records diff`: what followers would be told between two record files."""

from pathlib import Path
from typing import Any


def diff_files(before: Path, after: Path) -> dict[str, Any]:
    """{"nct_id", "kind": "study_changed" | "unchanged", "changes"}. Raises NotifierError."""
    raise NotImplementedError
