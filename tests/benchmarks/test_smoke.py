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


def test_what_operators_do_is_measured_and_reaches_everybody_it_is_about():
    command = [sys.executable, "-m", "benchmarks.operators", "--json", "--people", "600", "--looks", "1"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    counts = {name: figures["count"] for name, figures in found["seconds"].items() if "count" in figures}
    assert counts.pop("correction to a whole run") == counts.pop("correction to a whole run: dry run") > 500
    assert counts.pop("the same once more, for nobody") == 0
    assert min(counts.values()) > 0, counts
