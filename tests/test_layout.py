"""The rooms, which way imports may point, and how long things may be."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

# From the ground up. Rooms on one level do not know each other.
LEVELS = (
    ("embedded", "languages"),
    ("db",),
    ("links", "conditions"),
    ("registry",),
    ("subscriptions",),
    ("digests",),
    ("delivery",),
    ("ops",),
    ("tasks",),
    ("web",),
    ("cli",),
)
LEVEL = {room: level for level, rooms in enumerate(LEVELS, 1) for room in rooms}
GROUND = 0  # the modules of notifier/ itself: errors, settings, logs
LONGEST_FILE, LONGEST_FUNCTION = 300, 40

SOURCES = sorted(
    path
    for folder in ("notifier", "tasks", "tests", "benchmarks")
    for path in (ROOT / folder).rglob("*.py")
    if "versions" not in path.parts  # migrations are drafted by a program
)
CODE = [path for path in SOURCES if path.relative_to(ROOT).parts[0] in ("notifier", "tasks")]


def room_of(module: str) -> str | None:
    """The room of a dotted name; `notifier` for its own modules; None for what is not ours."""
    first, _, rest = module.partition(".")
    if first == "tasks":
        return "tasks"
    if first != "notifier":
        return None
    second = rest.partition(".")[0]
    return (
        "cli"
        if second == "__main__"
        else second
        if (ROOT / "notifier" / second).is_dir() and second
        else "notifier"
    )


def imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}:{node.lineno}: say the whole name"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def too_long(path: Path) -> Iterator[str]:
    text = path.read_text()
    if (lines := text.count("\n")) > LONGEST_FILE:
        yield f"{name_of(path)} has {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno
            if (lines := node.end_lineno - node.lineno + 1) > LONGEST_FUNCTION:
                yield f"{name_of(path)}:{node.lineno} {node.name} has {lines} lines"


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_room_imports_only_from_rooms_below_it():
    wrong = []
    for path in CODE:
        own = room_of(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for line, module in imports(path):
            room = room_of(module)
            if room not in (None, own) and LEVEL.get(room, GROUND) >= LEVEL.get(own, GROUND):
                wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def test_every_room_has_its_level():
    rooms = {path.parent.name for path in (ROOT / "notifier").glob("*/__init__.py")}
    assert rooms | {"tasks"} == set(LEVEL)


def test_files_and_functions_stay_short():
    complaints = [complaint for path in SOURCES for complaint in too_long(path)]
    assert not complaints, "\n".join(complaints)


@pytest.mark.parametrize("name", ["build", "runtime", "dev"])
def test_pins_have_hashes_and_name_no_index(name):
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    packages = [
        entry
        for entry in text.replace("\\\n", " ").splitlines()
        if entry and not entry.lstrip().startswith("#")
    ]
    assert all("==" in package and "--hash=sha256:" in package for package in packages)
    assert "://" not in text
    assert "--index" not in text
