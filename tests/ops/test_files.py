"""Rules, dashboard and runbooks say only what is true: each metric is there, each alert has its runbook, each
command can be given."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
from sqlalchemy import Engine

from notifier.cli.main import app
from notifier.ops import troubles
from notifier.ops.counts import count_all
from notifier.ops.heartbeat import POLL, beat
from notifier.ops.metrics import as_text
from notifier.ops.numbers import take_numbers
from tests.delivery.office import ASTHMA, Office
from tests.paths import ROOT

RULES, RULE_TESTS = ROOT / "docs/ops/alerts.yml", ROOT / "docs/ops/alerts.test.yml"
DASHBOARD = ROOT / "docs/ops/dashboard.json"
RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
SCENARIOS = sorted((ROOT / "docs/runbooks/scenarios").glob("*.md"))
ALERTS = set(re.findall(r"- alert: (\w+)", RULES.read_text()))
SECTIONS = [
    "What it means",
    "Who is hurt",
    "Severity",
    "Check",
    "Likely causes",
    "Fix",
    "How to know it is over",
    "Roll back",
    "When to escalate",
    "How to silence safely",
    "Last drill",
]
SCENARIO_SECTIONS = [
    "When",
    "Who is hurt",
    "First",
    "Then",
    "How to know it is over",
    "Roll back",
    "When to escalate",
    "Last drill",
]
COMMAND = re.compile(r"^ {4}notifier (.+)$|`notifier ([^`]+)`", re.M)
METRIC = re.compile(r"notifier_[a-z_]+")
OTHERS = {"SendGrid"}
"""Names that look like those of alerts."""
each_page = pytest.mark.parametrize("runbook", [*RUNBOOKS, *SCENARIOS], ids=lambda path: path.stem)
each_runbook = pytest.mark.parametrize("runbook", RUNBOOKS, ids=lambda path: path.stem)


@pytest.fixture
def exported(office: Office, engine: Engine) -> dict[str, set[str]]:
    """{metric: its labels}, with something in each of them."""
    office.world.event(ASTHMA)
    office.sql("UPDATE batches SET failure_class = 'fault', state = 'retrying'")
    office.sql("""INSERT INTO feedback_events (event_id, kind, occurred_at, received_at)
                  VALUES ('1', 'delivered', now(), now())""")
    office.sql("INSERT INTO suppressions VALUES ('x', 'bounced', NULL, now())")
    office.sql(
        "INSERT INTO subscription_changes (subscriber_id, at, action, via) VALUES (1, now(), 'stop', 'page')"
    )
    beat(engine, now=office.clock(), name=POLL)
    count_all(engine, now=office.clock())
    text = as_text(take_numbers(engine, now=office.clock())).decode()
    found: dict[str, set[str]] = {"up": {"job"}}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.M):
        found.setdefault(name, set()).update(re.findall(r"(\w+)=\"", labels))
    found |= {name: set() for name in re.findall(r"^# TYPE (\w+)", text, re.M) if name not in found}
    return found


def test_every_alert_has_a_runbook_and_every_runbook_an_alert():
    assert {path.stem for path in RUNBOOKS} == ALERTS


def test_every_alert_leads_to_its_runbook_and_says_how_bad_it_is():
    rules = RULES.read_text().split("- alert: ")[1:]
    for rule in rules:
        name = rule.split("\n", 1)[0]
        assert f"runbook_url: docs/runbooks/{name}.md" in rule
        assert re.search(r"severity: (page|warn|none)$", rule, re.M)
        assert re.search(r'summary: ".+"$', rule, re.M)


def test_every_trouble_is_an_alert():
    named = set(re.findall(r'Trouble\(\s*"(\w+)"', Path(troubles.__file__).read_text()))
    named |= set(re.findall(r'\("\w+", "([A-Z]\w+)"\)', Path(troubles.__file__).read_text()))
    assert len(named) >= 8
    assert named <= ALERTS


@each_runbook
def test_a_runbook_has_every_section_with_something_in_it(runbook: Path):
    title, *sections = re.split(r"^#+ (.+)$", runbook.read_text(), flags=re.M)[1::2]
    bodies = re.split(r"^#+ .+$", runbook.read_text(), flags=re.M)[2:]
    assert title == runbook.stem
    assert sections == SECTIONS
    assert all(body.strip() for body in bodies)


def test_what_can_happen_to_any_such_service_has_a_page():
    assert {path.stem for path in SCENARIOS} >= {
        "provider-outage",
        "key-leak",
        "key-rotation",
        "wrong-mail-sent",
        "complaint-spike",
        "redis-lost",
        "restore-from-backup",
        "erase-me",
    }


@pytest.mark.parametrize("page", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_has_every_section_with_something_in_it(page: Path):
    _, *sections = re.split(r"^#+ (.+)$", page.read_text(), flags=re.M)[1::2]
    _, *bodies = re.split(r"^#+ .+$", page.read_text(), flags=re.M)[2:]
    assert sections == SCENARIO_SECTIONS
    assert all(body.strip() for body in bodies)


@each_page
def test_every_alert_that_is_named_is_there(runbook: Path):
    words = set(re.findall(r"\b(?:[A-Z][a-z]+){2,}\b", runbook.read_text())) - OTHERS
    assert words <= ALERTS


@each_page
def test_every_command_of_a_runbook_can_be_given(runbook: Path):
    commands = [first or second for first, second in COMMAND.findall(runbook.read_text())]
    assert commands
    for command in commands:
        parse(command)


def parse(line: str) -> None:
    """As the command line does, up to the point where it would be run."""
    line = line.partition(" > ")[0]
    words = [word.strip('"') for word in re.findall(r'"[^"]*"|\S+', line)]
    command, context = typer.main.get_command(app), None
    while isinstance(command, click.Group) or hasattr(command, "commands"):
        context = command.make_context(command.name, words[:1], parent=context)
        assert words, f"{line}: what of it?"
        assert words[0] in command.commands, f"{line}: there is no {words[0]}"
        command, words = command.commands[words[0]], words[1:]
    command.make_context(command.name, words, parent=context)


def test_a_command_that_is_none_would_be_noticed():
    for wrong in ("dead list", "deliveries list --colour blue", "deliveries show"):
        with pytest.raises(
            (AssertionError, SystemExit, Exception), match=r"there is no|No such option|Missing"
        ):
            parse(wrong)


def test_every_metric_that_is_named_exists_with_these_labels(exported: dict[str, set[str]]):
    wrong = []
    for path in (RULES, RULE_TESTS, DASHBOARD, *RUNBOOKS, *SCENARIOS):
        text = path.read_text().replace('\\"', '"')
        wrong += [f"{path.name}: {name}" for name in set(METRIC.findall(text)) - set(exported)]
        for name, labels in used_labels(text):
            wrong += [f"{path.name}: {name} by {label}" for label in labels - exported.get(name, set())]
    assert wrong == []


def test_every_metric_is_explained_with_its_labels(exported: dict[str, set[str]]):
    explained: dict[str, set[str]] = {}
    table = (ROOT / "docs/ops/README.md").read_text()
    for name, labels in re.findall(r"`(notifier_\w+)(?:\{([\w, ]+)\})?`", table):
        explained[name] = set(labels.split(", ")) if labels else set()
    assert explained == {name: labels for name, labels in exported.items() if name != "up"}


def used_labels(text: str) -> Iterator[tuple[str, set[str]]]:
    for name, selector in re.findall(r"\b(notifier_[a-z_]+)\{([^}]*)\}", text):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!=|=|!~)\"", selector))
    for labels, name in re.findall(r"by \(([\w, ]+)\) \((?:increase|rate)?\(?(notifier_[a-z_]+)", text):
        yield name, set(labels.split(", "))


def test_the_dashboard_is_one_that_grafana_can_load():
    board = json.loads(DASHBOARD.read_text())
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    places = [panel["gridPos"] for panel in board["panels"]]
    taken = [
        (x, y)
        for at in places
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken)), "two panels lie over each other"
    assert max(x for x, _ in taken) < 24
    assert all(target["expr"] for panel in board["panels"] for target in panel["targets"])


@pytest.mark.parametrize(
    "words", [("check", "rules", RULES.name), ("test", "rules", RULE_TESTS.name)], ids=" ".join
)
def test_promtool_finds_the_rules_right(words: tuple[str, ...]):
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: Debian and Ubuntu have it in the package prometheus")
    done = subprocess.run(
        [promtool, *words], cwd=RULES.parent, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
