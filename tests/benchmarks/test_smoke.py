"""The benchmark runs, and finds everybody. How fast it is, is for people to look at, not for a test."""

import json
import subprocess
import sys

from tests.paths import ROOT


def test_the_benchmark_mails_everybody_once_in_both_designs():
    command = [sys.executable, "-m", "benchmarks.daily_run", "--json"]
    sizes = ["--people", "500", "--conditions", "50", "--events", "10"]
    done = subprocess.run(
        [*command, *sizes], cwd=ROOT, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["complaints"] == []
    assert found["ours"]["people mailed"] > 0
    assert found["usual"]["people mailed"] > 0
    assert found["ours"]["provider calls"] < found["ours"]["people mailed"]
