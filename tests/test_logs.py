"""Each line of code that logs has an event of its own, and says nothing about anybody."""

import ast
import re
from collections import Counter
from collections.abc import Iterator

from tests.test_layout import CODE, name_of

LEVELS = ("debug", "info", "warning", "error", "exception", "critical")
HANDED_ON = ("notifier/web/problems.py", "event")
EVENT = re.compile(r"[a-z]+(_[a-z]+)*")


def logged() -> Iterator[tuple[str, ast.expr]]:
    """(where, the event) of every call of a logger in the code; `log_failure` hands its own on."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and _logs(node.func):
                yield f"{name_of(path)}:{node.lineno}", node.args[0]


def _logs(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id == "log_failure"
    if not isinstance(function, ast.Attribute) or function.attr not in LEVELS:
        return False
    return isinstance(function.value, ast.Name) and function.value.id == "log"


def test_every_event_is_a_name_that_can_be_searched_for():
    wrong = [
        where
        for where, event in logged()
        if not (isinstance(event, ast.Constant) and EVENT.fullmatch(str(event.value)))
        and (where.partition(":")[0], ast.unparse(event)) != HANDED_ON
    ]
    assert wrong == []


def test_an_event_is_logged_in_one_place_only():
    events = Counter(event.value for _, event in logged() if isinstance(event, ast.Constant))
    assert [event for event, count in events.items() if count > 1] == []
    assert len(events) > 20


def test_nothing_is_logged_past_our_own_loggers():
    """A logger of another name, or of the standard library, would not be looked at above."""
    elsewhere = [
        name_of(path)
        for path in CODE
        if re.search(
            r"structlog\.get_logger\(\)(?<!^log = structlog\.get_logger\(\))", path.read_text(), re.M
        )
        or re.search(r"logging\.(debug|info|warning|error|exception|critical)\(", path.read_text())
    ]
    assert elsewhere == []
