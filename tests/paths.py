"""Where the real data lies: beside the checkout, never inside it."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def shared_data() -> Path:
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("real registry data not found beside the checkout (../shared/data)")
    return folder
