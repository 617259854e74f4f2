"""All tables. Their modules lie in rooms above this one, so they are loaded by name."""

from importlib import import_module
from pathlib import Path

from sqlalchemy import MetaData

from notifier.db.base import Base

ROOMS = Path(__file__).parents[1]


def all_tables() -> MetaData:
    for path in sorted(ROOMS.glob("*/models.py")):
        import_module(f"notifier.{path.parent.name}.models")
    return Base.metadata
