"""What goes wrong in a database is found by `troubles`, on whose word operators' pages, `status` and the ping
outside rely, and by the alerts of Prometheus, under one name."""

import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from math import isnan
from pathlib import Path

import pytest

from notifier.delivery.providers import Outcome
from notifier.ops.heartbeat import POLL, POLL_ASKED, QUEUES, beat
from notifier.ops.metrics import as_text
from notifier.ops.numbers import take_numbers
from tests.delivery.mailroom import post_to
from tests.delivery.office import Office
from tests.ops.test_files import RULES
from tests.ops.test_troubles import said, served
from tests.world import days

HOURS = 6
"""For so long Prometheus has read the same numbers: longer than any alert waits before it speaks."""


def nothing(office: Office) -> datetime:
    office.send()
    served(office, office.clock(), *QUEUES)
    return office.clock()


def the_provider_refuses_the_key(office: Office) -> datetime:
    office.provider.answers = [lambda batch: Outcome("account", reason="HTTP 401")] * 9
    office.send()
    now = office.clock() + timedelta(hours=1)
    served(office, now, *QUEUES)
    return now


def the_scheduler_is_dead(office: Office) -> datetime:
    """So no message comes through any queue."""
    office.send()
    served(office, office.clock(), *QUEUES)
    return office.clock() + timedelta(hours=1)


def the_workers_that_send_are_dead(office: Office) -> datetime:
    served(office, office.clock(), *QUEUES)
    now = office.clock() + timedelta(hours=1)
    served(office, now, "upkeep", "build", "prompt")
    return now


def a_run_is_missing(office: Office) -> datetime:
    office.send()
    now = office.clock() + days(1)  # it was due four hours ago
    served(office, now, *QUEUES)
    return now


def the_database_was_restored(office: Office) -> datetime:
    office.send()
    office.sql("UPDATE installation SET home = 'elsewhere'")
    now = office.clock() + days(1)  # a run is due, and is not planned
    served(office, now, *QUEUES)
    return now


def most_digests_fail(office: Office) -> datetime:
    """And a letter goes out."""
    office.provider.answers = [lambda batch: Outcome("refused", reason="HTTP 400")]
    office.send()
    post_to(office, "anna", "manage_link")
    office.send()
    served(office, office.clock(), *QUEUES)
    return office.clock()


def mailboxes_turn_us_away(office: Office) -> datetime:
    nothing(office)
    office.sql(
        "INSERT INTO feedback_hours (hour, kind, digest, events) VALUES (:now, 'blocked', true, 600)",
        now=office.clock(),
    )
    return office.clock()


def nobody_asks_the_registry(office: Office) -> datetime:
    beat(office.world.engine, now=nothing(office) - days(4), name=POLL)
    return office.clock()


def somebody_asks_it_each_day(office: Office) -> datetime:
    beat(office.world.engine, now=nothing(office) - days(1), name=POLL)
    return office.clock()


def the_registry_was_never_read(office: Office) -> datetime:
    beat(office.world.engine, now=nothing(office), name=POLL_ASKED)
    return office.clock()


def the_registry_is_asked_in_vain_since_last_month(office: Office) -> datetime:
    beat(office.world.engine, now=nothing(office) - days(31), name=POLL)
    return the_registry_was_never_read(office)


def the_site_pushes_since_last_month(office: Office) -> datetime:
    beat(office.world.engine, now=nothing(office) - days(31), name=POLL)
    return office.clock()


@pytest.mark.parametrize(
    ("fault", "alerts"),
    [
        (nothing, set()),
        (the_provider_refuses_the_key, {"ProviderAuthFailing"}),
        (the_scheduler_is_dead, {"BeatSilent"}),
        (the_workers_that_send_are_dead, {"WorkersDown", "SendingStalled"}),
        (a_run_is_missing, {"DigestRunMissing"}),
        (the_database_was_restored, {"DatabaseAway"}),
        (most_digests_fail, {"DeliveriesFailed"}),
        (mailboxes_turn_us_away, {"BounceRate"}),
        (nobody_asks_the_registry, {"PollOverdue"}),
        (the_registry_was_never_read, {"PollOverdue"}),
        (the_registry_is_asked_in_vain_since_last_month, {"PollOverdue"}),
        (somebody_asks_it_each_day, set()),
        (the_site_pushes_since_last_month, set()),
    ],
)
def test_a_fault_is_found_by_both_under_one_name(
    office: Office, tmp_path: Path, fault: Callable[[Office], datetime], alerts: set[str]
):
    office.sql("UPDATE installation SET installed_at = :then", then=office.clock() - days(9))
    now = fault(office)
    assert set(said(office, now)) == alerts
    text = as_text(take_numbers(office.world.engine, now=now)).decode()
    assert prometheus(text, now, alerts | {"Backstop"}, tmp_path) == "as expected"


def prometheus(text: str, now: datetime, alerts: set[str], folder: Path) -> str:
    """What promtool says of our rules, where it has read these numbers for hours and exactly these alerts should
    fire. Its clock begins at 0, so moments are moved with it."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here: Debian and Ubuntu have it in the package prometheus")
    series = {'up{job="notifier"}': 1.0}
    for name, value in re.findall(r"^(notifier_\S+?(?:\{.*\})?) (\S+)$", text, re.M):
        moved = "timestamp_seconds" in name
        series[name] = float(value) - (now.timestamp() - HOURS * 3600 if moved else 0)
    (folder / "alerts.yml").write_text(RULES.read_text())
    (folder / "test.yml").write_text(_case(series, alerts))
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return "as expected" if done.returncode == 0 else done.stdout + done.stderr


def _case(series: dict[str, float], alerts: set[str]) -> str:
    lines = ["rule_files: [alerts.yml]", "tests:", "  - interval: 1m", "    input_series:"]
    for name, value in series.items():
        if not isnan(value):  # a wait where no mail went out; the language of test files has no such number
            lines += [f"      - series: '{name}'", f"        values: '{value:f}x{HOURS * 60}'"]
    lines += [
        "    promql_expr_test:",
        """      - expr: 'group by (alertname) (ALERTS{alertstate="firing"})'""",
        f"        eval_time: {HOURS}h",
        "        exp_samples:",
    ]
    for alert in sorted(alerts):
        lines += [f"""          - {{labels: '{{alertname="{alert}"}}', value: 1}}"""]
    return "\n".join(lines) + "\n"


def test_an_alert_that_is_not_expected_would_be_noticed(office: Office, tmp_path: Path):
    now = the_scheduler_is_dead(office)
    text = as_text(take_numbers(office.world.engine, now=now)).decode()
    assert "BeatSilent" in prometheus(text, now, {"Backstop"}, tmp_path)
